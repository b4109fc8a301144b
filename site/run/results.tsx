/** Results of nodes: the worst first, with message and compiled SQL on demand. */
import { useState } from 'preact/hooks'
import { formatCount, formatDuration, plural, stripControls } from '../../shared/format.ts'
import type { RunNode } from '../../shared/history-index.ts'
import type { RunRecord, StepResult } from '../../shared/run.ts'
import { Fact, Facts } from '../facts.tsx'
import { HREF } from '../route.ts'
import { Select } from '../select.tsx'
import { Table } from '../table.tsx'
import { changeQuery, useLoad } from '../use.ts'
import { FaultNote, Loading, Status, Text } from '../words.tsx'
import { readCompiled, stepKey } from './artifact.ts'
import type { Results } from './live.ts'
import { type NodeFilter, pickNodes, readNodeFilter, SORTS, STATUSES } from './pick-nodes.ts'

/** More rows make a page slow on a phone. */
const ROWS = 300

interface TableProps {
  record: RunRecord
  steps: StepResult[]
  results: Results
  query: URLSearchParams
}

export function ResultTable({ record, steps, results, query }: TableProps) {
  const [all, setAll] = useState(false)
  const filter = readNodeFilter(query)
  const nodes = pickNodes(results.nodes, filter)
  const shown = all ? nodes : nodes.slice(0, ROWS)
  return (
    <section aria-label="Results of nodes">
      <NodeFilterBar filter={filter} nodes={results.nodes} />
      {results.leftOut > 0 && (
        <p class="is-warn">
          ! The first {plural(results.leftOut, 'part')} of the log were not read: results from there show up when the run has
          ended.
        </p>
      )}
      <p class="dim" role="status">
        {formatCount(nodes.length)} of {plural(results.nodes.length, 'node')}
      </p>
      <Table
        caption="Results of nodes"
        columns={['Status', 'Node', ['Kind', 'minor'], ['Took', 'number'], ['Rows', 'number minor'], 'Message']}
      >
        {shown.map(node => (
          <NodeRow key={`${node.uniqueId}/${node.step}/${node.attempt}`} record={record} steps={steps} node={node} />
        ))}
      </Table>
      {shown.length < nodes.length && (
        <p>
          <button type="button" onClick={() => setAll(true)}>
            Show all {formatCount(nodes.length)}
          </button>
        </p>
      )}
    </section>
  )
}

function NodeFilterBar({ filter, nodes }: { filter: NodeFilter; nodes: RunNode[] }) {
  const kinds = [...new Set(nodes.map(node => node.resourceType))].sort()
  const choose = (name: string) => (value: string) => changeQuery({ [name]: value })
  return (
    <search>
      <form class="filter" aria-label="Filter nodes" onSubmit={event => event.preventDefault()}>
        <label class="wide">
          <span>Search</span>
          <input
            type="search"
            value={filter.text}
            placeholder="name, path, message"
            onInput={event => changeQuery({ q: event.currentTarget.value })}
          />
        </label>
        <Select label="Status" value={filter.status} options={STATUSES} choose={choose('status')} />
        <Select label="Kind" value={filter.kind} options={kinds.map(kind => [kind, kind])} choose={choose('kind')} />
        <Select label="Order" value={filter.sort} options={SORTS} choose={choose('sort')} />
      </form>
    </search>
  )
}

function NodeRow({ record, steps, node }: { record: RunRecord; steps: StepResult[]; node: RunNode }) {
  const [open, setOpen] = useState(false)
  const message = node.status === 'success' || node.status === 'no-op' ? '' : (node.message ?? '')
  return (
    <>
      <tr class={`is-${node.status === 'fail' ? 'error' : node.status}`}>
        <td>
          <Status status={node.status} />
        </td>
        <td class="name">
          <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
            <span aria-hidden="true">{open ? '▾' : '▸'}</span> <Text of={node.name} max={90} />
          </button>
        </td>
        <td class="minor">
          <Text
            of={node.resourceType === 'model' ? (node.materialized ?? 'model') : node.resourceType.replaceAll('_', ' ')}
            max={30}
          />
        </td>
        <td class="number">{node.executionSeconds === undefined ? '' : formatDuration(node.executionSeconds)}</td>
        <td class="number minor">{rowsOf(node)}</td>
        <td class="message">
          <Text of={message} max={140} />
        </td>
      </tr>
      {open && (
        <tr class="more">
          <td colSpan={6}>
            <NodeMore record={record} steps={steps} node={node} />
          </td>
        </tr>
      )}
    </>
  )
}

const rowsOf = ({ failures, rowsAffected }: RunNode) => {
  const rows = failures ?? rowsAffected
  return rows === undefined || rows < 0 ? '' : formatCount(rows)
}

function NodeMore({ record, steps, node }: { record: RunRecord; steps: StepResult[]; node: RunNode }) {
  const [sql, setSql] = useState(false)
  const step = steps.find(each => each.index === node.step)
  const facts: [string, string | undefined][] = [
    ['File', node.path],
    ['Relation', node.relation],
    ['Owner', node.owners?.join(', ')],
    ['Group', node.group],
    ['Tags', node.tags?.join(', ')],
    ['Id', node.uniqueId],
  ]
  return (
    <>
      {node.message && <pre>{stripControls(node.message)}</pre>}
      <Facts>
        {facts.map(([name, value]) => (
          <Fact key={name} name={name}>
            {value}
          </Fact>
        ))}
      </Facts>
      <p class="links">
        <a href={HREF.node(record.project, record.environment, node.uniqueId)}>History of this node</a>
        {node.endedAt && <a href={HREF.run(record.id, { view: 'log', at: node.endedAt })}>Log of that moment</a>}
        {step?.artifacts?.length && !sql ? (
          <button type="button" onClick={() => setSql(true)}>
            Compiled SQL
          </button>
        ) : null}
      </p>
      {sql && step && <Sql record={record} step={step} node={node} />}
    </>
  )
}

function Sql({ record, step, node }: { record: RunRecord; step: StepResult; node: RunNode }) {
  const loaded = useLoad(
    async () => ({ code: await readCompiled(stepKey(record, step.attempt ?? node.attempt, step), step, node) }),
    [record.id, step.index, node.uniqueId],
  )
  if (loaded.fault) return <FaultNote fault={loaded.fault} retry={loaded.reload} />
  if (!loaded.value) return <Loading what="the artifacts of the step" />
  if (loaded.value.code === undefined) return <p>dbt left no compiled SQL of this node in this step.</p>
  return <pre class="sql">{loaded.value.code.replace(/^\s*\n/, '').trimEnd()}</pre>
}
