/** One job: how it has gone, what it does, when it runs next. */
import { useState } from 'preact/hooks'
import type { JobConfig } from '../../shared/config-model.ts'
import { formatDuration, formatRelative, plural } from '../../shared/format.ts'
import type { IndexRun } from '../../shared/history-index.ts'
import { type JobFiring, MOST_NEXT, pauseOf } from '../../shared/page-api.ts'
import { useApp, useIndex, zoneOf } from '../app-context.ts'
import { Fact, Facts } from '../facts.tsx'
import { Paused } from '../pause.tsx'
import { HREF } from '../route.ts'
import { Deeds } from '../run/actions.tsx'
import { loadJobRuns } from '../run/load.ts'
import { openRows, useOpenRuns } from '../runs/open-runs.ts'
import { RunTable } from '../runs/table.tsx'
import { readJob } from '../server.ts'
import { streakWords } from '../streak.ts'
import { Trend } from '../trend.tsx'
import { useLoad, useNow } from '../use.ts'
import { Empty, FaultNote, Link, Loading, Text, Time } from '../words.tsx'
import { startedBy } from './jobs.tsx'

const CHARTED = 60
const LISTED = 50
const EVERY = 10_000

export function JobPage({ project, name }: { project: string; name: string }) {
  const now = useNow(10_000)
  const { config } = useApp()
  const full = `${project}/${name}`
  const job = config?.jobs[full]
  const loadedIndex = useIndex()
  const index = loadedIndex.value?.index
  const past = index?.jobs.find(each => each.job === full)
  const runs = useLoad(
    async () => (loadedIndex.value ? loadJobRuns(index, full) : undefined),
    ['job', full, past?.page, loadedIndex.value !== undefined],
  )
  const open = useOpenRuns()
  const answer = useLoad(async signal => job && readJob(project, name, signal), ['job', full, !job], { every: () => EVERY })
  const going = openRows(open.value, index).filter(row => row.project === project && row.job === name)
  const list = runs.value ?? []
  const fault = runs.fault ?? answer.fault ?? loadedIndex.fault
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
      {answer.value && <Deeds deeds={answer.value.deeds} reload={() => [open, answer].forEach(each => void each.reload())} />}
      {fault && <FaultNote fault={fault} retry={() => [runs, loadedIndex, answer].forEach(each => void each.reload())} />}
      <DurationTrend runs={list} usual={past?.usualSeconds} />
      {job && answer.value && <Coming job={job} next={answer.value.next} now={now} />}
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
  return <Trend bars={bars} line={usual} means="usual" label={`Duration of the newest ${plural(bars.length, 'run')}`} />
}

function Coming({ job, next, now }: { job: JobConfig; next: JobFiring[]; now: Date }) {
  const [count, setCount] = useState(3)
  if (next.length === 0) return <p>Started {startedBy(job)}.</p>
  return (
    <section aria-labelledby="next">
      <h2 id="next">Next</h2>
      <ul class="plain">
        {next.slice(0, count).map(({ at, local, timezone, schedule }) => (
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
        <button type="button" onClick={() => setCount(MOST_NEXT)}>
          Next {MOST_NEXT}
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
      <Facts>
        {facts.map(([name, value]) => (
          <Fact key={name} name={name}>
            {value}
          </Fact>
        ))}
        <Fact name="Repository">
          {repository && (
            <Link href={repository.replace(/\.git$/, '')}>
              <Text of={repository} max={200} />
            </Link>
          )}
        </Fact>
      </Facts>
    </section>
  )
}
