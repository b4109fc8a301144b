/** When each node ran: a chart with one lane a thread, and the chain of nodes that the run waited for. */
import { useMemo, useState } from 'preact/hooks'
import { formatDuration, formatTime, oneLine, plural } from '../../shared/format.ts'
import type { RunNode } from '../../shared/history-index.ts'
import type { RunRecord, StepResult } from '../../shared/run.ts'
import { HREF } from '../route.ts'
import { Table } from '../table.tsx'
import { useLoad } from '../use.ts'
import { Empty, FaultNote, Loading, Mark, Text, viewerZone } from '../words.tsx'
import { readParents, stepKey } from './artifact.ts'
import { type Bar, criticalPath, type Link, timingOf } from './lanes.ts'

const LANE = 22
const WIDTH = 1000
/** Beside the chart the longest nodes stand as text. */
const LONGEST = 15
/** Seconds: what is shorter is not a wait. */
const SHOWN = 0.05
/** Part of the run that is worth more threads. */
const MUCH = 0.1

export function TimingView({ record, steps, nodes }: { record: RunRecord; steps: StepResult[]; nodes: RunNode[] }) {
  const [wanted, setWanted] = useState(false)
  const timing = useMemo(() => timingOf(nodes), [nodes])
  const step = stepWithManifest(steps, nodes)
  const parents = useLoad(
    async () =>
      wanted && step ? readParents(`${stepKey(record, step.attempt ?? record.attempts.length, step)}manifest.json`) : undefined,
    [record.id, step?.index, wanted],
  )
  const path = useMemo(() => (parents.value ? criticalPath(timing.bars, parents.value) : []), [timing, parents.value])
  if (timing.bars.length === 0) return <Empty title="No node has said when it ran." />
  const { lanes, seconds, busy } = timing
  return (
    <section aria-label="Timing">
      <p>
        {plural(timing.bars.length, 'node')} in {formatDuration(seconds)} on {plural(lanes, 'thread')}, which were busy for{' '}
        {Math.round((100 * busy) / Math.max(seconds * lanes, 0.001))} % of it.
      </p>
      <Chart timing={timing} path={path} />
      {step && !wanted && (
        <p>
          <button type="button" onClick={() => setWanted(true)}>
            Show the critical path
          </button>{' '}
          <span class="dim">reads the manifest</span>
        </p>
      )}
      {parents.fault && <FaultNote fault={parents.fault} retry={parents.reload} />}
      {wanted && parents.loading && !parents.fault && <Loading what="the manifest" />}
      {path.length > 0 && <PathTable record={record} path={path} seconds={seconds} />}
      <LongestTable record={record} bars={timing.bars} />
    </section>
  )
}

/** The one that ran the most nodes. */
function stepWithManifest(steps: StepResult[], nodes: RunNode[]): StepResult | undefined {
  const count = (step: StepResult) => nodes.filter(node => node.step === step.index).length
  return steps.filter(step => step.artifacts?.includes('manifest.json')).sort((a, b) => count(b) - count(a))[0]
}

function Chart({ timing, path }: { timing: ReturnType<typeof timingOf>; path: Link[] }) {
  const [over, setOver] = useState<Bar>()
  const onPath = useMemo(() => new Set(path.map(({ bar }) => bar)), [path])
  const scale = WIDTH / Math.max(timing.seconds, 0.001)
  const height = timing.lanes * LANE
  const clock = (second: number) => formatTime(new Date(Date.parse(timing.from) + second * 1000), viewerZone()).split(' ')[0]
  return (
    <figure class="chart">
      <svg
        viewBox={`0 0 ${WIDTH} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Nodes over ${formatDuration(timing.seconds)} on ${plural(timing.lanes, 'thread')}; the longest are in the table below`}
        height={Math.min(height, 480)}
        onPointerMove={event => setOver(timing.bars[Number((event.target as Element).getAttribute('data-bar') ?? -1)])}
        onPointerLeave={() => setOver(undefined)}
      >
        {timing.bars.map((bar, i) => (
          <rect
            key={bar.node.uniqueId}
            data-bar={i}
            class={`bar is-${bar.node.status} ${onPath.has(bar) ? 'on-path' : ''}`}
            x={bar.start * scale}
            y={bar.lane * LANE + 1}
            width={Math.max((bar.end - bar.start) * scale, 0.6)}
            height={LANE - 2}
          />
        ))}
      </svg>
      <div class="axis dim" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75, 1].map(part => (
          <span key={part}>
            <span class="minor">{clock(timing.seconds * part)}</span> +{formatDuration(timing.seconds * part)}
          </span>
        ))}
      </div>
      <figcaption class="dim">
        {over ? (
          <>
            <Mark status={over.node.status} /> {oneLine(over.node.name, 100)}: {formatDuration(over.end - over.start)}, from{' '}
            {clock(over.start)} to {clock(over.end)}, thread {over.lane + 1}
          </>
        ) : (
          'Point at a bar to see its node.'
        )}
      </figcaption>
    </figure>
  )
}

function PathTable({ record, path, seconds }: { record: RunRecord; path: Link[]; seconds: number }) {
  const built = path.reduce((sum, { bar }) => sum + bar.end - bar.start, 0)
  const waited = path.reduce((sum, link) => sum + link.waited, 0)
  return (
    <section aria-labelledby="path">
      <h2 id="path">Critical path</h2>
      <p>
        {plural(path.length, 'node')} one after the other: {formatDuration(built)} of {formatDuration(seconds)}.{' '}
        {waited > seconds * MUCH
          ? `They waited ${formatDuration(waited)} for a free thread: more threads help, or less work beside them.`
          : 'Making any other node faster does not make the run shorter.'}
      </p>
      <Bars record={record} rows={path.map(({ bar, waited }) => ({ bar, waited }))} waits />
    </section>
  )
}

const LongestTable = ({ record, bars }: { record: RunRecord; bars: Bar[] }) => (
  <section aria-labelledby="longest">
    <h2 id="longest">Longest</h2>
    <Bars
      record={record}
      rows={[...bars]
        .sort((a, b) => b.end - b.start - (a.end - a.start))
        .slice(0, LONGEST)
        .map(bar => ({ bar }))}
    />
  </section>
)

function Bars({ record, rows, waits }: { record: RunRecord; rows: { bar: Bar; waited?: number }[]; waits?: boolean }) {
  return (
    <Table
      columns={['Node', ['Took', 'number'], waits && ['Waited for a thread', 'number told'], ['Began after', 'number minor']]}
    >
      {rows.map(({ bar, waited }) => (
        <tr key={bar.node.uniqueId}>
          <td>
            <Mark status={bar.node.status} />{' '}
            <a href={HREF.node(record.project, record.environment, bar.node.uniqueId)}>
              <Text of={bar.node.name} max={100} />
            </a>
          </td>
          <td class="number">{formatDuration(bar.end - bar.start)}</td>
          {waits && <td class="number">{waited && waited > SHOWN ? formatDuration(waited) : ''}</td>}
          <td class="number minor">{formatDuration(bar.start)}</td>
        </tr>
      ))}
    </Table>
  )
}
