/** One model, test, seed or snapshot over its runs. */
import { formatCount, formatDuration, plural } from '../../shared/format.ts'
import type { NodeRun } from '../../shared/page-api.ts'
import { Fact, Facts } from '../facts.tsx'
import { HREF } from '../route.ts'
import { readNode } from '../server.ts'
import { streakWords } from '../streak.ts'
import { Table } from '../table.tsx'
import { Trend } from '../trend.tsx'
import { changeQuery, useLoad, useNow } from '../use.ts'
import { Empty, FaultNote, Loading, Status, Text, Time } from '../words.tsx'
import { flips, medianSeconds } from './node-runs.ts'

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
  const days = DAYS.find(each => String(each) === query.get('days')) ?? 30
  const { value, fault, reload } = useLoad(
    signal => readNode(project, environment, uniqueId, days, signal),
    [uniqueId, project, environment, days],
  )
  const runs = value?.runs
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
      {fault && <FaultNote fault={fault} retry={reload} />}
      {!runs && !fault && <Loading what="the history" />}
      {runs && runs.length === 0 && (
        <Empty title={`No run of the last ${days} days built it.`}>
          <p>The id may be of another environment, or the model has a new name.</p>
        </Empty>
      )}
      {runs && runs.length > 0 && <Past runs={runs} now={now} test={/^(unit_)?test\./.test(uniqueId)} />}
      {value?.leftOut && <p class="dim">Runs up to {value.leftOut} are not all here: there are too many for one page.</p>}
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
      <Facts>
        <Fact name="Median">{median !== undefined && formatDuration(median)}</Fact>
        <Fact name="File">{newest?.path}</Fact>
        <Fact name="Materialized">{newest?.materialized}</Fact>
        <Fact name="Relation">{newest?.relation}</Fact>
      </Facts>
      <Trend bars={bars} line={median} means="median" label={`Duration of the newest ${plural(bars.length, 'run')}`} />
      <Table
        caption="Runs of this node"
        columns={[
          'Status',
          'When',
          'Job',
          ['Took', 'number'],
          [test ? 'Rows found' : 'Rows', 'number told'],
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
              <code>
                <Text of={run.commit?.slice(0, 7)} />
              </code>
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
