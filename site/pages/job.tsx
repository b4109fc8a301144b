/** One job: how it has gone, what it does, when it runs next. */
import { useState } from 'preact/hooks'
import type { JobConfig } from '../../shared/config-model.ts'
import { formatDuration, formatRelative, plural } from '../../shared/format.ts'
import type { IndexRun } from '../../shared/history-index.ts'
import { useApp, useIndex, zoneOf } from '../app-context.ts'
import { Paused, pauseOf } from '../pause.tsx'
import { HREF } from '../route.ts'
import { Deeds } from '../run/actions.tsx'
import { jobDeeds } from '../run/commands.ts'
import { loadJobRuns } from '../run/load.ts'
import { openRows, useOpenRuns } from '../runs/open-runs.ts'
import { RunTable } from '../runs/table.tsx'
import { readNext } from '../server.ts'
import { streakWords } from '../streak.ts'
import { Trend } from '../trend.tsx'
import { useLoad, useNow } from '../use.ts'
import { Empty, FaultNote, Link, Loading, Text, Time } from '../words.tsx'
import { startedBy } from './jobs.tsx'

const CHARTED = 60
const LISTED = 50
/** Coming firings. */
const MOST = 20
const EVERY = 60_000

export function JobPage({ project, name }: { project: string; name: string }) {
  const now = useNow(10_000)
  const { config, me } = useApp()
  const full = `${project}/${name}`
  const job = config?.jobs[full]
  const loadedIndex = useIndex()
  const index = loadedIndex.value?.index
  const past = index?.jobs.find(each => each.job === full)
  const runs = useLoad(
    async () => (loadedIndex.value ? loadJobRuns(index, full) : undefined),
    ['job', full, past?.page, loadedIndex.value !== undefined],
  )
  const fault = runs.fault ?? loadedIndex.fault
  const open = useOpenRuns()
  const going = openRows(open.value, index).filter(row => row.project === project && row.job === name)
  const list = runs.value ?? []
  const pause = job && pauseOf(open.value?.paused, job)
  return (
    <>
      <h1>
        <Text of={full} max={120} />
      </h1>
      {job?.description && (
        <p>
          <Text of={job.description} max={400} />
        </p>
      )}
      {config && !job && <p class="is-warn">! This job is no longer in the configuration.</p>}
      <p>{streakWords(list, now)}</p>
      {pause && (
        <p>
          <Paused pause={pause} now={now} own />: no new run starts.
        </p>
      )}
      {job && <Deeds deeds={jobDeeds(job, me.command, open.value?.paused)} reload={open.reload} />}
      {fault && <FaultNote fault={fault} retry={() => [runs, loadedIndex].forEach(each => void each.reload())} />}
      <DurationTrend runs={list} usual={past?.usualSeconds} />
      {job && <Coming job={job} now={now} />}
      {job && <Settings job={job} repository={config?.projects[project]?.repository} />}
      {going.length > 0 && (
        <section aria-labelledby="going">
          <h2 id="going">Going on</h2>
          <RunTable rows={going} now={now} label="Runs that go on" ofJob />
        </section>
      )}
      <section aria-labelledby="runs">
        <h2 id="runs">Runs</h2>
        {!runs.value && !fault && <Loading what="the runs" />}
        {runs.value && list.length === 0 && <Empty title="No run of this job has ended yet." />}
        {list.length > 0 && <RunTable rows={list.slice(0, LISTED)} now={now} label={`Runs of ${full}`} ofJob />}
        {(past?.runs ?? 0) > LISTED && (
          <p class="pager">
            <a href={HREF.runs({ job: full })}>All {plural(past?.runs ?? 0, 'run')}</a>
            <a href={HREF.runs({ job: full, status: 'error' })}>Those that failed</a>
          </p>
        )}
      </section>
    </>
  )
}

function DurationTrend({ runs, usual }: { runs: IndexRun[]; usual: number | undefined }) {
  const bars = runs
    .filter(run => run.seconds !== undefined)
    .slice(0, CHARTED)
    .reverse()
    .map(run => ({
      key: run.id,
      value: run.seconds ?? 0,
      status: run.status,
      label: `${run.startedAt?.slice(0, 16).replace('T', ' ')} UTC: ${run.status}, ${formatDuration(run.seconds ?? 0)}`,
    }))
  return <Trend bars={bars} line={usual} label={`Duration of the newest ${plural(bars.length, 'run')}`} />
}

function Coming({ job, now }: { job: JobConfig; now: Date }) {
  const [count, setCount] = useState(3)
  const name = `${job.project}/${job.name}`
  const { value, fault, reload } = useLoad(signal => readNext(signal, MOST, name), ['next', name], { every: () => EVERY })
  if (!value) return fault ? <FaultNote fault={fault} retry={reload} /> : null
  const coming = value[name] ?? []
  if (coming.length === 0) return <p>Started {startedBy(job)}.</p>
  return (
    <section aria-labelledby="next">
      <h2 id="next">Next</h2>
      <ul class="plain">
        {coming.slice(0, count).map(({ at, local, timezone, schedule }) => (
          <li key={at + schedule}>
            <Time at={at} now={now} zone={timezone} />{' '}
            <span class="dim">
              ({formatRelative(new Date(at), now)}; {local.replace('T', ' ')} {timezone}
              {job.schedules.length > 1 && `, schedule ${schedule}`})
            </span>
          </li>
        ))}
      </ul>
      {count === 3 && (
        <button type="button" onClick={() => setCount(MOST)}>
          Next {MOST}
        </button>
      )}
    </section>
  )
}

function Settings({ job, repository }: { job: JobConfig; repository: string | undefined }) {
  const { config } = useApp()
  const facts: [string, string][] = [
    ['Environment', job.environment],
    ['Schedule', job.schedules.map(({ cron, timezone, enabled }) => `${cron} ${timezone}${enabled ? '' : ' (off)'}`).join('; ')],
    ['Time zone', job.schedules.length ? '' : zoneOf(config, job.project, job.name)],
    ['Time limit', formatDuration(job.timeoutSeconds)],
    ['Starts within', formatDuration(job.startWithinSeconds)],
    ['If one still runs', job.overlap],
    ['Attempts', job.retry.attempts > 1 ? `${job.retry.attempts}, on ${job.retry.on.join(', ')}` : '1'],
    ['Publishes', job.publishes.join(', ')],
  ]
  return (
    <section aria-labelledby="settings">
      <h2 id="settings">What it does</h2>
      <ol class="plain">
        {job.steps.map(step => (
          <li key={step.name}>
            <code>
              <Text of={`dbt ${step.args.join(' ')}`} max={300} />
            </code>
          </li>
        ))}
      </ol>
      <dl class="facts">
        {facts.map(
          ([name, value]) =>
            value && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <Text of={value} max={200} />
                </dd>
              </div>
            ),
        )}
        {repository && (
          <div>
            <dt>Repository</dt>
            <dd>
              <Link href={repository.replace(/\.git$/, '')}>
                <Text of={repository} max={200} />
              </Link>
            </dd>
          </div>
        )}
      </dl>
    </section>
  )
}
