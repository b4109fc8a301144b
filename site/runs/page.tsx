/** All runs, newest first; those that go on are on top. */
import { useState } from 'preact/hooks'
import { formatCount, formatMoney, plural } from '../../shared/format.ts'
import type { DayPage, HistoryIndex } from '../../shared/history-index.ts'
import { useApp, useIndex } from '../app-context.ts'
import { type Filter, isEmpty, matcher, readFilter } from '../filter.ts'
import { DAYS_AT_ONCE, type Found, findRuns, PAGE_ROWS } from '../find-runs.ts'
import { Paused } from '../pause.tsx'
import { HREF } from '../route.ts'
import { readData } from '../server.ts'
import { useLoad, useNow } from '../use.ts'
import { Copy, Empty, FaultNote, Loading, Text } from '../words.tsx'
import { FilterBar } from './filter-bar.tsx'
import { openRows, useOpenRuns } from './open-runs.ts'
import { RunTable } from './table.tsx'

export function RunsPage({ query }: { query: URLSearchParams }) {
  const now = useNow(5000)
  const loaded = useIndex()
  const open = useOpenRuns()
  const index = loaded.value?.index
  const filter = readFilter(query)
  const before = query.get('before') ?? ''
  const going = before ? [] : openRows(open.value, index).filter(matcher(filter))
  return (
    <>
      <h1>Runs</h1>
      <Today index={index} />
      {open.value?.paused?.map(pause => (
        <p key={pause.of + pause.name}>
          <Paused pause={pause} now={now} />
        </p>
      ))}
      <FilterBar filter={filter} index={index} />
      {(loaded.fault ?? open.fault) && (
        <FaultNote
          fault={loaded.fault ?? open.fault ?? { status: 0, message: '' }}
          stale={loaded.value !== undefined}
          retry={() => [loaded, open].forEach(each => void each.reload())}
        />
      )}
      {going.length > 0 && (
        <section aria-labelledby="going">
          <h2 id="going">Going on</h2>
          <RunTable rows={going} now={now} label="Runs that go on" />
        </section>
      )}
      {loaded.value &&
        (index ? <Past index={index} filter={filter} before={before} now={now} /> : going.length === 0 && <NoRuns />)}
      {!loaded.value && !loaded.fault && <Loading what="the runs" />}
    </>
  )
}

function Today({ index }: { index: HistoryIndex | undefined }) {
  const day = index?.days.find(each => each.date === new Date().toISOString().slice(0, 10))
  const failing = index?.jobs.filter(job => job.outcomes[0] === 'error') ?? []
  if (!index) return null
  return (
    <p class="summary">
      {failing.length === 0 ? 'No job is failing.' : `${plural(failing.length, 'job')} failing: `}
      {failing.slice(0, 5).map(({ job }, i) => (
        <span key={job}>
          {i > 0 && ', '}
          <a href={HREF.runs({ job })}>
            <Text of={job} max={80} />
          </a>
        </span>
      ))}
      {failing.length > 5 && ` and ${failing.length - 5} more.`}
      {day && (
        <span class="dim">
          {' '}
          Today (UTC) {plural(day.runs, 'run')}, {formatCount(day.failed)} failed, {formatMoney(day.usd)}.
        </span>
      )}
    </p>
  )
}

function Past({ index, filter, before, now }: { index: HistoryIndex; filter: Filter; before: string; now: Date }) {
  const [days, setDays] = useState(DAYS_AT_ONCE)
  const read = (key: string) => readData<DayPage>(key, { keep: true })
  const found = useLoad<Found>(() => findRuns(index, filter, { before, days, read }), [index.at, filter, before, days])
  // The rows stay while the next ones are looked for.
  const [last, setLast] = useState<Found>()
  if (found.value && found.value !== last) setLast(found.value)
  const shown = found.value ?? last
  if (!shown) return found.fault ? <FaultNote fault={found.fault} retry={found.reload} /> : <Loading what="the runs" />
  return (
    <section aria-labelledby="past">
      <h2 id="past" class={before ? '' : 'hidden'}>
        {before ? 'Older runs' : 'Runs that have ended'}
      </h2>
      {found.fault && <FaultNote fault={found.fault} stale retry={found.reload} />}
      {shown.rows.length > 0 ? (
        <RunTable rows={shown.rows} now={now} label="Runs that have ended" />
      ) : (
        <Empty title={isEmpty(filter) ? 'There are no older runs.' : 'No run matches.'}>
          {shown.backTo && <p>Looked at all runs since {shown.backTo} (UTC).</p>}
        </Empty>
      )}
      <nav class="pager" aria-label="Pages of runs">
        {before && <a href={HREF.runs(without(filter))}>Newest runs</a>}
        {shown.more && shown.backTo ? (
          <button type="button" disabled={found.loading} onClick={() => setDays(days + 3 * DAYS_AT_ONCE)}>
            {found.loading ? 'Searching …' : `Search before ${shown.backTo}`}
          </button>
        ) : (
          shown.more && <a href={olderHref(filter, shown)}>{`Older runs`}</a>
        )}
        <span class="dim" role="status">
          {plural(shown.rows.length, 'run')}
          {shown.rows.length >= PAGE_ROWS ? ' on this page' : ''}
          {shown.backTo ? `, back to ${shown.backTo}` : ''} of {formatCount(index.days.reduce((sum, day) => sum + day.runs, 0))}
        </span>
      </nav>
    </section>
  )
}

const without = ({ status, job, environment, trigger, text, from, to }: Filter) => ({
  status,
  job,
  environment,
  trigger,
  text,
  from,
  to,
})
const olderHref = (filter: Filter, { rows }: Found) => HREF.runs({ ...without(filter), before: rows.at(-1)?.id })

function NoRuns() {
  const { me } = useApp()
  return (
    <Empty title="No run has ended yet.">
      <p>The first one shows up here by itself. To start a job now:</p>
      <Copy text={`${me.command} run JOB`} />
    </Empty>
  )
}
