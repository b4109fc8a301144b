/** A week of schedules: what was to run, what did, what is missing, what comes. */
import { formatDay, plural } from '../../shared/format.ts'
import { type Expected, pauseOf } from '../../shared/page-api.ts'
import { useApp } from '../app-context.ts'
import { Paused } from '../pause.tsx'
import { HREF, hrefOf } from '../route.ts'
import { useOpenRuns } from '../runs/open-runs.ts'
import { readWeek } from '../server.ts'
import { Table } from '../table.tsx'
import { useLoad, useNow } from '../use.ts'
import { Empty, FaultNote, Loading, Mark, Text, viewerZone } from '../words.tsx'
import { dateText, plusDays, sumOf, weekOf } from './calendar.ts'

const EVERY = 60_000
/** Up to so many firings of a day stand one by one. */
const SHOWN = 4

export function SchedulePage({ query }: { query: URLSearchParams }) {
  const now = useNow(30_000)
  const { config } = useApp()
  const week = weekOf(query.get('week') ?? '', now)
  const days = Array.from({ length: 8 }, (_, i) => plusDays(week, i))
  const [end] = days.slice(-1) as [Date]
  const { value, fault, reload } = useLoad(signal => readWeek(week, end, signal), ['week', dateText(week)], {
    every: () => EVERY,
  })
  const open = useOpenRuns()
  const missed = (value?.jobs ?? []).flatMap(each => each.firings).filter(each => each.kept === 'missed').length
  return (
    <>
      <h1>Schedule</h1>
      <nav class="pager" aria-label="Weeks">
        <a href={hrefOf(['schedule'], { week: dateText(plusDays(week, -7)) })}>Week before</a>
        <a href={hrefOf(['schedule'])}>This week</a>
        <a href={hrefOf(['schedule'], { week: dateText(end) })}>Week after</a>
        <span class="dim">
          {dateText(week)} to {dateText(plusDays(week, 6))}, {viewerZone()}, by the schedules that were in force
          {value?.notedSince && ` since ${formatDay(new Date(value.notedSince), now, viewerZone())}, before by the same`}.
        </span>
      </nav>
      {fault && <FaultNote fault={fault} stale={value !== undefined} retry={reload} />}
      {!fault && !value && <Loading what="the schedules" />}
      {value?.jobs.length === 0 && <Empty title="No job has a schedule that is switched on." />}
      {value && value.jobs.length > 0 && (
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
            {value.jobs.map(({ job, firings }) => {
              const configured = config?.jobs[job]
              const pause = configured && pauseOf(open.value?.paused, configured)
              return (
                <tr key={job}>
                  <th scope="row">
                    <a href={hrefOf(['jobs', ...job.split('/')])}>
                      <Text of={job.split('/')[1]} max={60} />
                    </a>
                    {pause && (
                      <div>
                        <Paused pause={pause} now={now} own />
                      </div>
                    )}
                  </th>
                  {days.slice(0, -1).map((day, i) => (
                    <td key={dateText(day)}>
                      <Day
                        list={firings.filter(({ at }) => new Date(at) >= day && new Date(at) < (days[i + 1] ?? end))}
                        paused={pause !== undefined}
                      />
                    </td>
                  ))}
                </tr>
              )
            })}
          </Table>
          {value.leftOut && <p class="dim">There are more jobs than one page holds.</p>}
        </>
      )}
    </>
  )
}

const dayTitle = (day: Date, now: Date) =>
  formatDay(day, new Date(0), viewerZone()).replace(/ \d{4} .*$/, '') + (dateText(day) === dateText(now) ? ' (today)' : '')

const Day = ({ list, paused }: { list: Expected[]; paused: boolean }) =>
  list.length === 0 ? null : (
    <div>
      {list.length > SHOWN ? (
        <Sum list={list} paused={paused} />
      ) : (
        list.map(each => <Firing key={each.at} each={each} paused={paused} />)
      )}
    </div>
  )

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
