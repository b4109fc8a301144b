/** All jobs: what they did last, and when they run next. */
import type { Config } from '../../shared/config-model.ts'
import { formatDuration, formatRelative } from '../../shared/format.ts'
import type { IndexJob } from '../../shared/history-index.ts'
import { type NextFirings, type Pause, pauseOf } from '../../shared/page-api.ts'
import { useApp, useIndex, zoneOf } from '../app-context.ts'
import { Paused } from '../pause.tsx'
import { HREF } from '../route.ts'
import { useOpenRuns } from '../runs/open-runs.ts'
import { readNext } from '../server.ts'
import { Table } from '../table.tsx'
import { useLoad, useNow } from '../use.ts'
import { Empty, FaultNote, Loading, Mark, Status, Text, Time } from '../words.tsx'

const EVERY = 60_000

export function JobsPage() {
  const now = useNow(30_000)
  const { config } = useApp()
  const loaded = useIndex()
  const index = loaded.value?.index
  const paused = useOpenRuns().value?.paused
  const coming = useLoad(signal => readNext(signal), ['next'], { every: () => EVERY }).value
  const names = [...new Set([...Object.keys(config?.jobs ?? {}), ...(index?.jobs.map(each => each.job) ?? [])])].sort()
  return (
    <>
      <h1>Jobs</h1>
      {loaded.fault && <FaultNote fault={loaded.fault} stale={index !== undefined} retry={loaded.reload} />}
      {!config && !loaded.value && !loaded.fault && <Loading what="the jobs" />}
      {config && names.length === 0 && <Empty title="The configuration has no jobs." />}
      {names.length > 0 && (
        <Table
          caption="Jobs"
          columns={['Newest run', 'Job', 'Environment', 'Last 30, newest right', ['Usual', 'number minor'], ['Next', 'told']]}
        >
          {names.map(name => (
            <JobRow
              key={name}
              name={name}
              past={index?.jobs.find(each => each.job === name)}
              config={config}
              coming={coming}
              paused={paused}
              now={now}
            />
          ))}
        </Table>
      )}
    </>
  )
}

interface RowProps {
  name: string
  past: IndexJob | undefined
  config: Config | undefined
  coming: NextFirings | undefined
  paused: Pause[] | undefined
  now: Date
}
function JobRow({ name, past, config, coming, paused, now }: RowProps) {
  const job = config?.jobs[name]
  const [project = '', short = ''] = name.split('/')
  const next = coming?.[name]
  const last = past?.outcomes[0]
  const pause = job && pauseOf(paused, job)
  return (
    <tr class={`is-${last ?? 'none'}`}>
      <td>{last ? <Status status={last} /> : <span class="dim">never ran</span>}</td>
      <td>
        <a href={HREF.job(project, short)}>
          <Text of={name} max={100} />
        </a>
      </td>
      <td>
        <Text of={job?.environment ?? past?.environment} max={60} />
        {config && !job && <span class="dim"> (no longer configured)</span>}
      </td>
      <td>
        <Outcomes outcomes={past?.outcomes ?? []} />
      </td>
      <td class="number minor">{past?.usualSeconds === undefined ? '' : formatDuration(past.usualSeconds)}</td>
      <td>
        {pause ? (
          <Paused pause={pause} now={now} own />
        ) : next ? (
          <>
            <Time at={next.at} now={now} zone={zoneOf(config, project, short)} />{' '}
            <span class="dim">{formatRelative(new Date(next.at), now)}</span>
          </>
        ) : (
          <span class="dim">{coming && startedBy(job)}</span>
        )}
      </td>
    </tr>
  )
}

export function startedBy(job: Config['jobs'][string] | undefined): string {
  if (!job) return ''
  if (job.after) return `after ${job.after.job.split('/').at(-1)}`
  if (job.afterAll) return `after ${job.afterAll.jobs.length} jobs`
  if (job.schedules.length > 0) return 'its schedules are switched off'
  return job.triggers?.length ? `by ${job.triggers.map(each => each.kind).join(', ')}` : 'by hand'
}

export const Outcomes = ({ outcomes }: { outcomes: readonly string[] }) => (
  <span class="outcomes" role="img" aria-label={outcomeWords(outcomes)} title={outcomeWords(outcomes)}>
    {[...outcomes].reverse().map((status, i) => (
      <Mark key={`${i}${status}`} status={status} />
    ))}
  </span>
)

function outcomeWords(outcomes: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const status of outcomes) counts.set(status, (counts.get(status) ?? 0) + 1)
  return [...counts].map(([status, count]) => `${count} ${status}`).join(', ') || 'no runs'
}
