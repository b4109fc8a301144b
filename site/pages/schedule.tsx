/** A week of schedules: what was to run, what did, what is missing, what comes. */
import type { Config } from '../../shared/config-model.ts'
import { formatDay, plural } from '../../shared/format.ts'
import type { DayPage, HistoryIndex, IndexRun } from '../../shared/history-index.ts'
import type { Deployments } from '../../shared/page-api.ts'
import { useApp, useIndex } from '../app-context.ts'
import { Paused, pauseOf } from '../pause.tsx'
import { HREF, hrefOf } from '../route.ts'
import { openRows, useOpenRuns } from '../runs/open-runs.ts'
import { readData, readDeployments } from '../server.ts'
import { Table } from '../table.tsx'
import { useLoad, useNow } from '../use.ts'
import { Empty, FaultNote, Loading, Mark, Text, viewerZone } from '../words.tsx'
import { dateText, type Expected, expectedOf, firingsOf, periodsOf, plusDays, scheduledJobs, sumOf, weekOf } from './calendar.ts'

/** Up to so many firings of a day stand one by one. */
const SHOWN = 4

export function SchedulePage({ query }: { query: URLSearchParams }) {
  const now = useNow(30_000)
  const { config, me } = useApp()
  const loadedIndex = useIndex()
  const index = loadedIndex.value?.index
  const week = weekOf(query.get('week') ?? '', now)
  const days = Array.from({ length: 8 }, (_, i) => plusDays(week, i))
  const [end] = days.slice(-1) as [Date]
  const runs = useLoad(async () => (index ? readWeek(index, week) : []), ['week', dateText(week), index?.at])
  const plan = useLoad(async signal => readPlan(await readDeployments(signal), me.config, week, end), ['plan', dateText(week)])
  const open = useOpenRuns()
  const known = [...(runs.value ?? []), ...openRows(open.value, index)]
  const { periods = [], oldest = '' } = plan.value ?? {}
  const first = index?.days.at(-1)?.date ?? '9999'
  // Older runs than deployments: those were not noted yet.
  const unsure = first < oldest.slice(0, 10)
  const seen = { since: unsure || !oldest ? first : oldest }
  const rows = scheduledJobs(periods).map(name => {
    const own = { ...seen, runs: known.filter(run => `${run.project}/${run.job}` === name) }
    const job = config?.jobs[name]
    return {
      name,
      pause: job && pauseOf(open.value?.paused, job),
      days: days.slice(0, -1).map((day, i) => expectedOf(firingsOf(periods, name, day, days[i + 1] ?? end), own, now)),
    }
  })
  const missed = rows.flatMap(row => row.days.flat()).filter(each => each.kept === 'missed').length
  const fault = runs.fault ?? plan.fault ?? loadedIndex.fault
  return (
    <>
      <h1>Schedule</h1>
      <nav class="pager" aria-label="Weeks">
        <a href={hrefOf(['schedule'], { week: dateText(plusDays(week, -7)) })}>Week before</a>
        <a href={hrefOf(['schedule'])}>This week</a>
        <a href={hrefOf(['schedule'], { week: dateText(end) })}>Week after</a>
        <span class="dim">
          {dateText(week)} to {dateText(plusDays(week, 6))}, {viewerZone()}, by the schedules that were in force
          {unsure && new Date(oldest) > week && ` since ${formatDay(new Date(oldest), now, viewerZone())}, before by the same`}.
        </span>
      </nav>
      {fault && <FaultNote fault={fault} retry={() => [runs, plan, loadedIndex].forEach(each => void each.reload())} />}
      {!fault && !(plan.value && runs.value) && <Loading what="the schedules" />}
      {plan.value && rows.length === 0 && <Empty title="No job has a schedule that is switched on." />}
      {plan.value && runs.value && rows.length > 0 && (
        <>
          <p role="status">
            {missed === 0 ? (
              'Nothing is missing.'
            ) : (
              <strong class="is-warn">! {plural(missed, 'scheduled run')} did not happen.</strong>
            )}
          </p>
          <Table
            class="week"
            caption="Scheduled runs of the week"
            columns={['Job', ...days.slice(0, -1).map(day => [dayTitle(day, now), 'told'] as const)]}
          >
            {rows.map(({ name, pause, days }) => (
              <tr key={name}>
                <th scope="row">
                  <a href={hrefOf(['jobs', ...name.split('/')])}>
                    <Text of={name.split('/')[1]} max={60} />
                  </a>
                  {pause && (
                    <div>
                      <Paused pause={pause} now={now} own />
                    </div>
                  )}
                </th>
                {days.map((list, i) => (
                  <td key={`${i}${list[0]?.at}`}>
                    {list.length > 0 && (
                      <div>
                        {list.length <= SHOWN ? (
                          list.map(each => <Firing key={each.at} each={each} paused={pause !== undefined} />)
                        ) : (
                          <Sum list={list} paused={pause !== undefined} />
                        )}
                      </div>
                    )}
                  </td>
                ))}
              </tr>
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

/** The configurations that were in force in a span; `oldest`: since when they are known. */
async function readPlan(deployments: Deployments['deployments'], current: string, from: Date, until: Date) {
  const noted = deployments.length ? deployments : [{ config: current, from: '' }]
  const periods = periodsOf(noted, from, until).map(async each => ({
    ...each,
    config: await readData<Config>(each.config, { keep: true }),
  }))
  return { periods: await Promise.all(periods), oldest: noted.at(-1)?.from ?? '' }
}

const clock = (at: string) => new Date(at).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
const WORDS = { coming: 'comes', unknown: 'not known', missed: 'missed', ran: '', skipped: 'skipped' } as const

function Firing({ each, paused }: { each: Expected; paused: boolean }) {
  const status = each.kept === 'missed' ? 'error' : (each.run?.status ?? 'queued')
  const words = each.kept === 'ran' ? (each.run?.status ?? '') : paused && each.kept === 'coming' ? 'paused' : WORDS[each.kept]
  const text = (
    <>
      <Mark status={status} /> {clock(each.at)} <span class={each.kept === 'missed' ? 'is-warn' : 'dim'}>{words}</span>
    </>
  )
  return <div>{each.run ? <a href={HREF.run(each.run.id)}>{text}</a> : text}</div>
}

function Sum({ list, paused }: { list: Expected[]; paused: boolean }) {
  const { good, failed, missed, skipped, coming, expected } = sumOf(list)
  const parts: [string, number, string][] = [
    ['success', good, 'good'],
    ['error', failed, 'failed'],
    ['error', missed, 'missed'],
    ['skipped', skipped, 'skipped'],
    ['queued', coming, paused ? 'paused' : 'to come'],
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
