/** What is different from the last good run: code, configuration, dbt, and the nodes. */
import { useState } from 'preact/hooks'
import { formatDuration, formatSpan, plural, shortSha } from '../../shared/format.ts'
import type { HistoryIndex, IndexRun, RunNode } from '../../shared/history-index.ts'
import type { RunRecord } from '../../shared/run.ts'
import { useApp } from '../app-context.ts'
import { Fact, Facts } from '../facts.tsx'
import { HREF } from '../route.ts'
import { readRun } from '../server.ts'
import { useLoad } from '../use.ts'
import { FaultNote, Link, Loading, Text, Time } from '../words.tsx'
import { compareNodes, compareUrl, lastGood } from './changes.ts'
import { loadJobRuns, loadNodes } from './load.ts'

interface ChangesProps {
  record: RunRecord
  index: HistoryIndex | undefined
  nodes: RunNode[] | undefined
  now: Date
}

export function Changes({ record, index, nodes, now }: ChangesProps) {
  const job = `${record.project}/${record.job}`
  const loaded = useLoad(
    async signal => {
      const good = lastGood(await loadJobRuns(index, job), record.id)
      return { good, record: good && (await readRun(good.id, signal)).run }
    },
    ['good', job, record.id, index?.jobs.find(each => each.job === job)?.page],
  )
  if (!index || !loaded.value) return loaded.fault ? <FaultNote fault={loaded.fault} retry={loaded.reload} /> : null
  const { good, record: before } = loaded.value
  return (
    <section aria-labelledby="changes">
      <h2 id="changes">Since the last good run</h2>
      {good && before ? (
        <Against record={record} good={good} before={before} nodes={nodes} now={now} />
      ) : (
        <p class="dim">No run of the job before this one was good, as far as the history goes.</p>
      )}
    </section>
  )
}

interface AgainstProps {
  record: RunRecord
  good: IndexRun
  before: RunRecord
  nodes: RunNode[] | undefined
  now: Date
}
function Against({ record, good, before, nodes, now }: AgainstProps) {
  const { config } = useApp()
  const [wanted, setWanted] = useState(false)
  const span = (Date.parse(record.claimedAt) - Date.parse(before.claimedAt)) / 1000
  const [from, to] = [before.commit?.sha, record.commit?.sha]
  const url = from && to && from !== to ? compareUrl(config?.projects[record.project]?.repository ?? '', from, to) : undefined
  return (
    <>
      <Facts>
        <Fact name="Run">
          <a href={HREF.run(good.id)}>
            <Time at={good.startedAt ?? good.endedAt} now={now} />
          </a>{' '}
          <span class="dim">({formatSpan(span)} before)</span>
        </Fact>
        <Fact name="Code">
          {!from || !to ? (
            'not known'
          ) : from === to ? (
            'the same commit: look at the data and the warehouse first'
          ) : (
            <>
              <code>{shortSha(from)}</code> → <code>{shortSha(to)}</code> <Text of={record.commit?.subject} max={90} />{' '}
              {url && <Link href={url}>what changed</Link>}
            </>
          )}
        </Fact>
        <Fact name="Configuration">{before.config === record.config ? 'the same' : 'another one was deployed in between'}</Fact>
        {record.dbtVersion && before.dbtVersion && (
          <Fact name="dbt">
            <Text
              of={before.dbtVersion === record.dbtVersion ? 'the same' : `${before.dbtVersion} → ${record.dbtVersion}`}
              max={80}
            />
          </Fact>
        )}
      </Facts>
      {wanted ? (
        <NodeChanges record={record} before={before} nodes={nodes ?? []} />
      ) : (
        <button type="button" onClick={() => setWanted(true)}>
          Compare the nodes
        </button>
      )}
    </>
  )
}

function NodeChanges({ record, before, nodes }: { record: RunRecord; before: RunRecord; nodes: RunNode[] }) {
  const loaded = useLoad(async () => ({ nodes: await loadNodes(before) }), [before.id])
  if (loaded.fault) return <FaultNote fault={loaded.fault} retry={loaded.reload} />
  if (!loaded.value) return <Loading what="the nodes of that run" />
  if (!loaded.value.nodes) return <p class="dim">That run left no results of nodes.</p>
  const { failing, added, removed, slower } = compareNodes(loaded.value.nodes, nodes)
  const none = failing.length + added.length + removed.length + slower.length === 0
  return (
    <>
      {none && <p>The same nodes; none fails that did not, none is twice as slow.</p>}
      <NodeList title="Newly failing" record={record} nodes={failing} />
      <NodeList
        title="Twice as slow"
        record={record}
        nodes={slower.map(each => each.node)}
        words={i => `${formatDuration(slower[i]?.before ?? 0)} → ${formatDuration(slower[i]?.now ?? 0)}`}
      />
      <NodeList title="New" record={record} nodes={added} />
      <NodeList title="Not built this time" record={record} nodes={removed} />
    </>
  )
}

const MOST = 20
function NodeList({
  title,
  record,
  nodes,
  words,
}: {
  title: string
  record: RunRecord
  nodes: RunNode[]
  words?: (i: number) => string
}) {
  if (nodes.length === 0) return null
  return (
    <>
      <h3>
        {title}: {plural(nodes.length, 'node')}
      </h3>
      <ul>
        {nodes.slice(0, MOST).map((node, i) => (
          <li key={node.uniqueId}>
            <a href={HREF.node(record.project, record.environment, node.uniqueId)}>
              <Text of={node.name} max={100} />
            </a>{' '}
            <span class="dim">{words?.(i)}</span>
          </li>
        ))}
      </ul>
      {nodes.length > MOST && <p class="dim">and {nodes.length - MOST} more</p>}
    </>
  )
}
