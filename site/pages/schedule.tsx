/** A week of schedules: what was to run, what did, what is missing, what comes. */
import type { JobConfig } from '../../shared/config-model.ts'
import { formatDay, plural } from '../../shared/format.ts'
import type { DayPage, HistoryIndex, IndexRun } from '../../shared/history-index.ts'
import { useApp, useIndex } from '../app-context.ts'
import { HREF, hrefOf } from '../route.ts'
import { openRows, useOpenRuns } from '../runs/open-runs.ts'
import { readData } from '../server.ts'
import { Table } from '../table.tsx'
import { useLoad, useNow } from '../use.ts'
import { Empty, FaultNote, Loading, Mark, Text, viewerZone } from '../words.tsx'
import { dateText, type Expected, expectedOf, jobName, plusDays, sumOf, weekOf } from './calendar.ts'

/** Up to so many firings of a day stand one by one. */
const SHOWN = 4

export function SchedulePage({ query }: { query: URLSearchParams }) {
  const now = useNow(30_000)
  const { config } = useApp()
  const loadedIndex = useIndex()
  const index = loadedIndex.value?.index
  const week = weekOf(query.get('week') ?? '', now)
  const runs = useLoad(async () => (index ? readWeek(index, week) : []), ['week', dateText(week), index?.at])
  const open = openRows(useOpenRuns().value ?? [], index)
  const jobs = Object.values(config?.jobs ?? {}).filter(job => job.schedules.some(schedule => schedule.enabled))
  const days = Array.from({ length: 7 }, (_, i) => plusDays(week, i))
  const known = [...(runs.value ?? []), ...open]
  const oldest = index?.days.at(-1)?.date ?? '9999'
  const rows = jobs.map(job => ({
    job,
    days: days.map((day, i) =>
      expectedOf(
        job,
        { runs: known.filter(run => `${run.project}/${run.job}` === jobName(job)), since: oldest },
        day,
        plusDays(week, i + 1),
        now,
      ),
    ),
  }))
  const missed = rows.flatMap(row => row.days.flat()).filter(each => each.kept === 'missed').length
  return (
    <>
      <h1>Schedule</h1>
      <nav class="pager" aria-label="Weeks">
        <a href={hrefOf(['schedule'], { week: dateText(plusDays(week, -7)) })}>Week before</a>
        <a href={hrefOf(['schedule'])}>This week</a>
        <a href={hrefOf(['schedule'], { week: dateText(plusDays(week, 7)) })}>Week after</a>
        <span class="dim">
          {dateText(week)} to {dateText(plusDays(week, 6))}, {viewerZone()}. By the schedules of today.
        </span>
      </nav>
      {(runs.fault ?? loadedIndex.fault) && (
        <FaultNote fault={runs.fault ?? loadedIndex.fault ?? { status: 0, message: '' }} retry={runs.reload} />
      )}
      {!config && <Loading what="the configuration" />}
      {config && jobs.length === 0 && <Empty title="No job has a schedule that is switched on." />}
      {runs.value && jobs.length > 0 && (
        <>
          <p role="status">
            {missed === 0 ? (
              'Nothing is missing.'
            ) : (
              <strong class="is-warn">! {plural(missed, 'scheduled run')} did not happen.</strong>
            )}
          </p>
          <Table class="week" caption="Scheduled runs of the week" columns={['Job', ...days.map(day => dayTitle(day, now))]}>
            {rows.map(row => (
              <JobWeek key={jobName(row.job)} job={row.job} days={row.days} />
            ))}
          </Table>
        </>
      )}
    </>
  )
}

const dayTitle = (day: Date, now: Date) =>
  formatDay(day, new Date(0), viewerZone()).replace(/ \d{4} .*$/, '') + (dateText(day) === dateText(now) ? ' (today)' : '')

/** Days are of the viewer's zone, pages of UTC: one more at each end. */
async function readWeek(index: HistoryIndex, week: Date): Promise<IndexRun[]> {
  const [from, to] = [dateText(plusDays(week, -1)), dateText(plusDays(week, 8))]
  const days = index.days.filter(day => day.date >= from && day.date <= to)
  return (await Promise.all(days.map(day => readData<DayPage>(day.page, { keep: true })))).flatMap(page => page.runs)
}

function JobWeek({ job, days }: { job: JobConfig; days: Expected[][] }) {
  return (
    <tr>
      <th scope="row">
        <a href={HREF.job(job.project, job.name)}>
          <Text of={job.name} max={60} />
        </a>
      </th>
      {days.map((list, i) => (
        <td key={`${i}${list[0]?.at}`}>
          {list.length <= SHOWN ? list.map(each => <Firing key={each.at} each={each} />) : <Sum list={list} />}
        </td>
      ))}
    </tr>
  )
}

const clock = (at: string) => new Date(at).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
const WORDS = { coming: 'comes', unknown: 'not known', missed: 'missed', ran: '', skipped: 'skipped' } as const

function Firing({ each }: { each: Expected }) {
  const status = each.kept === 'missed' ? 'error' : (each.run?.status ?? 'queued')
  const words = each.kept === 'ran' ? (each.run?.status ?? '') : WORDS[each.kept]
  const text = (
    <>
      <Mark status={status} /> {clock(each.at)} <span class={each.kept === 'missed' ? 'is-warn' : 'dim'}>{words}</span>
    </>
  )
  return <div>{each.run ? <a href={HREF.run(each.run.id)}>{text}</a> : text}</div>
}

function Sum({ list }: { list: Expected[] }) {
  const { good, failed, missed, skipped, coming, expected } = sumOf(list)
  const parts: [string, number, string][] = [
    ['success', good, 'good'],
    ['error', failed, 'failed'],
    ['error', missed, 'missed'],
    ['skipped', skipped, 'skipped'],
    ['queued', coming, 'to come'],
  ]
  return (
    <>
      {parts.map(
        ([status, count, word]) =>
          count > 0 && (
            <div key={word}>
              <Mark status={status} /> {count} <span class={word === 'missed' ? 'is-warn' : 'dim'}>{word}</span>
            </div>
          ),
      )}
      {good + failed + missed + skipped + coming === 0 && <span class="dim">{expected} not known</span>}
    </>
  )
}
