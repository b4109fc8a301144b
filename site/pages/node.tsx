/** One model, test, seed or snapshot over its runs. */
import { formatCount, formatDuration, plural } from '../../shared/format.ts'
import { useIndex } from '../app-context.ts'
import { daysAgo } from '../parquet.ts'
import { HREF } from '../route.ts'
import { streakWords } from '../streak.ts'
import { Table } from '../table.tsx'
import { Trend } from '../trend.tsx'
import { changeQuery, useNow } from '../use.ts'
import { useRows } from '../use-rows.ts'
import { Empty, FaultNote, Loading, Status, Text, Time } from '../words.tsx'
import { columnsOf, flips, medianSeconds, type NodeRun, nodeRuns } from './node-rows.ts'

const DAYS = [7, 30, 90, 365] as const
const CHARTED = 80
const LISTED = 200

interface NodeProps {
  project: string
  environment: string
  uniqueId: string
  query: URLSearchParams
}

export function NodePage({ project, environment, uniqueId, query }: NodeProps) {
  const now = useNow(60_000)
  const loadedIndex = useIndex()
  const index = loadedIndex.value?.index
  const days = DAYS.find(each => String(each) === query.get('days')) ?? 30
  const table = /^(unit_)?test\./.test(uniqueId) ? 'tests' : 'nodes'
  const other = new Set(
    index?.newest.filter(run => run.project !== project || run.environment !== environment).map(run => run.id),
  )
  const loaded = useRows(
    index && {
      index,
      table,
      since: daysAgo(days),
      wants: run => !other.has(run),
      columns: columnsOf(table),
      filter: { unique_id: { $eq: uniqueId }, project: { $eq: project }, environment: { $eq: environment } },
    },
    [uniqueId, project, environment, days],
  )
  const runs = loaded.value && nodeRuns(loaded.value)
  const name = runs?.[0]?.name ?? uniqueId.split('.').slice(2).join('.')
  return (
    <>
      <h1>
        <Text of={name || uniqueId} max={200} />
      </h1>
      <p class="dim">
        <Text of={uniqueId} max={300} /> in <Text of={`${project}/${environment}`} max={120} />
      </p>
      <Days days={days} />
      {(loaded.fault ?? loadedIndex.fault) && (
        <FaultNote fault={loaded.fault ?? loadedIndex.fault ?? { status: 0, message: '' }} retry={loaded.reload} />
      )}
      {!runs &&
        !loaded.fault &&
        !loadedIndex.fault &&
        (loadedIndex.value && !index ? (
          <Empty title="No run has ended yet." />
        ) : (
          <Loading what={`the history ${loaded.progress}`} />
        ))}
      {runs && runs.length === 0 && (
        <Empty title={`No run of the last ${days} days built it.`}>
          <p>The id may be of another environment, or the model has a new name.</p>
        </Empty>
      )}
      {runs && runs.length > 0 && <Past runs={runs} now={now} test={table === 'tests'} />}
    </>
  )
}

const Days = ({ days }: { days: number }) => (
  <form class="filter" aria-label="How far back" onSubmit={event => event.preventDefault()}>
    <label>
      <span>How far back</span>
      <select value={String(days)} onChange={event => changeQuery({ days: event.currentTarget.value })}>
        {DAYS.map(each => (
          <option key={each} value={String(each)}>
            {each} days
          </option>
        ))}
      </select>
    </label>
  </form>
)

function Past({ runs, now, test }: { runs: NodeRun[]; now: Date; test: boolean }) {
  const median = medianSeconds(runs)
  const flaky = flips(runs)
  const [newest] = runs
  const bars = runs
    .filter(run => run.seconds !== undefined)
    .slice(0, CHARTED)
    .reverse()
    .map(run => ({
      key: run.run,
      value: run.seconds ?? 0,
      status: run.status,
      label: `${run.run}: ${run.status}, ${formatDuration(run.seconds ?? 0)}`,
    }))
  return (
    <>
      <p>{streakWords(runs, now)}</p>
      {flaky > 0 && (
        <p class="is-warn">
          ! Flaky: {plural(flaky, 'time')} it turned from good to failing or back while the code stayed the same.
        </p>
      )}
      <dl class="facts">
        {median !== undefined && <Fact name="Median" value={formatDuration(median)} />}
        <Fact name="File" value={newest?.path} />
        <Fact name="Materialized" value={newest?.materialized} />
        <Fact name="Relation" value={newest?.relation} />
      </dl>
      <Trend bars={bars} line={median} label={`Duration of the newest ${plural(bars.length, 'run')}`} />
      <Table
        caption="Runs of this node"
        columns={[
          'Status',
          'When',
          'Job',
          ['Took', 'number'],
          [test ? 'Rows found' : 'Rows', 'number'],
          ['Commit', 'minor'],
          ['Message', 'minor'],
        ]}
      >
        {runs.slice(0, LISTED).map(run => (
          <tr key={run.run} class={`is-${run.status === 'fail' ? 'error' : run.status}`}>
            <td>
              <a href={HREF.run(run.run, { view: 'nodes', q: run.name })} aria-label={`Run ${run.run}: ${run.status}`}>
                <Status status={run.status} />
              </a>
            </td>
            <td>{run.startedAt ? <Time at={run.startedAt} now={now} /> : ''}</td>
            <td>
              <Text of={run.job} max={60} />
            </td>
            <td class="number">{run.seconds === undefined ? '' : formatDuration(run.seconds)}</td>
            <td class="number">{run.rows === undefined || run.rows < 0 ? '' : formatCount(run.rows)}</td>
            <td class="minor">
              <code>{run.commit?.slice(0, 7)}</code>
            </td>
            <td class="minor message">
              <Text of={run.status === 'success' ? '' : run.message} max={140} />
            </td>
          </tr>
        ))}
      </Table>
      {runs.length > LISTED && (
        <p class="dim">
          The newest {LISTED} of {formatCount(runs.length)}.
        </p>
      )}
    </>
  )
}

const Fact = ({ name, value }: { name: string; value: string | undefined }) =>
  value ? (
    <div>
      <dt>{name}</dt>
      <dd>
        <Text of={value} max={200} />
      </dd>
    </div>
  ) : null
