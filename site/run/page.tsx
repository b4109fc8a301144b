/** One run: how it ended and what to do, then its nodes, log, timing and artifacts. */
import { useState } from 'preact/hooks'
import { formatCount } from '../../shared/format.ts'
import type { RunAnswer } from '../../shared/page-api.ts'
import { isFinal } from '../../shared/run.ts'
import { useIndex } from '../app-context.ts'
import { hrefOf } from '../route.ts'
import { readRun } from '../server.ts'
import { useLoad, useNow } from '../use.ts'
import { FaultNote, Loading } from '../words.tsx'
import { Artifacts } from './artifacts.tsx'
import { Changes } from './changes-view.tsx'
import { RunHead } from './head.tsx'
import { type Results, useResults } from './live.ts'
import { LogView } from './log-view.tsx'
import { ResultTable } from './results.tsx'
import { Attempts, Steps } from './steps.tsx'
import { TimingView } from './timing.tsx'

const EVERY = 3000
const VIEWS = [
  ['', 'Overview'],
  ['nodes', 'Nodes'],
  ['log', 'Log'],
  ['timing', 'Timing'],
  ['artifacts', 'Artifacts'],
] as const

export function RunPage({ id, query }: { id: string; query: URLSearchParams }) {
  const now = useNow(1000)
  const loaded = useLoad(signal => readRun(id, signal), ['run', id], { every: ({ run }) => !isFinal(run.status) && EVERY })
  const answer = loaded.value
  if (!answer)
    return (
      <>
        <h1>Run {id}</h1>
        {loaded.fault ? <FaultNote fault={loaded.fault} retry={loaded.reload} /> : <Loading what="the run" />}
      </>
    )
  return (
    <>
      {loaded.fault && <FaultNote fault={loaded.fault} stale retry={loaded.reload} />}
      <Run answer={answer} query={query} now={now} reload={loaded.reload} />
    </>
  )
}

function Run({ answer, query, now, reload }: { answer: RunAnswer; query: URLSearchParams; now: Date; reload: () => void }) {
  const record = answer.run
  const results = useResults(record)
  const index = useIndex().value?.index
  const view = VIEWS.find(([name]) => name === query.get('view'))?.[0] ?? ''
  const progress = isFinal(record.status) ? undefined : results.value?.progress
  const steps = record.steps?.length ? record.steps : (progress?.steps ?? [])
  return (
    <>
      <RunHead answer={answer} index={index} progress={progress} now={now} reload={reload} brief={view !== ''} />
      <nav class="tabs" aria-label="Parts of the run">
        {VIEWS.map(([name, title]) => (
          <a key={name} href={hrefOf(['runs', record.id], { view: name })} aria-current={name === view ? 'page' : undefined}>
            {title}
            {name === 'nodes' && results.value && <span class="dim"> {formatCount(results.value.nodes.length)}</span>}
          </a>
        ))}
      </nav>
      {view === '' && (
        <>
          <Steps record={record} steps={steps} now={now} />
          <Attempts record={record} now={now} />
          <Changes record={record} index={index} nodes={results.value?.nodes} now={now} />
        </>
      )}
      {view === 'nodes' && (
        <Shown results={results}>{value => <ResultTable record={record} steps={steps} results={value} query={query} />}</Shown>
      )}
      {view === 'log' && <LogView key={record.id} record={record} steps={steps} query={query} />}
      {view === 'timing' && (
        <Shown results={results}>{value => <TimingView record={record} steps={steps} nodes={value.nodes} />}</Shown>
      )}
      {view === 'artifacts' && <Artifacts record={record} steps={steps} />}
    </>
  )
}

function Shown({
  results,
  children,
}: {
  results: ReturnType<typeof useResults>
  children: (value: Results) => preact.ComponentChildren
}) {
  const [shown, setShown] = useState<Results>()
  if (results.value && results.value !== shown) setShown(results.value)
  const value = results.value ?? shown
  return (
    <>
      {results.fault && <FaultNote fault={results.fault} stale={value !== undefined} retry={results.reload} />}
      {value ? children(value) : !results.fault && <Loading what="the nodes" />}
    </>
  )
}
