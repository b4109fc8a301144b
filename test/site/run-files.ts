/** What one run leaves in the bucket: results of nodes, artifacts of the build, parts of its log. */
import { gzipSync } from 'node:zlib'
import { KEY, SCHEMA_VERSION } from '../../shared/contract.ts'
import type { RunNode, RunNodes } from '../../shared/history-index.ts'
import type { LogLine, Progress } from '../../shared/plan.ts'
import type { RunRecord, StepResult } from '../../shared/run.ts'
import { makeRandom } from '../simulation/random.ts'
import { type MadeHistory, recordOf } from './history.ts'

export const BUILD_STEP = 2
const AROUND: Omit<StepResult, 'index'>[] = [
  { name: 'checkout', kind: 'checkout', command: 'checkout main', status: 'success', artifacts: ['log.txt'] },
  { name: 'deps', kind: 'deps', command: 'dbt deps', status: 'success', artifacts: ['log.txt'] },
]

/** The steps of a run that built these nodes. */
export function stepsOf(record: RunRecord, nodes: readonly RunNode[]): StepResult[] {
  const start = Date.parse(record.startedAt ?? record.claimedAt)
  const at = (seconds: number) => new Date(start + seconds * 1000).toISOString()
  const failed = nodes.some(node => node.status === 'error' || node.status === 'fail')
  const head = AROUND.map((step, index): StepResult => ({ ...step, index, startedAt: at(index * 2), endedAt: at(index * 2 + 2) }))
  return [
    ...head,
    {
      index: BUILD_STEP,
      name: 'build',
      kind: 'dbt',
      command: 'dbt build',
      status: failed ? 'error' : 'success',
      ...(failed && { reason: 'node_failures' as const, exitCode: 1 }),
      startedAt: at(4),
      endedAt: record.endedAt ?? at(600),
      ...(record.counts && { counts: record.counts }),
      artifacts: ['manifest.json', 'run_results.json', 'log.txt'],
    },
  ]
}

/** The newest nightly run as one whose build failed. */
export function failedRun({ runs, config }: MadeHistory): RunRecord {
  const row = runs.find(run => run.job === 'nightly' && run.startedAt)
  if (!row) throw new Error('the history has no nightly run')
  const plain = recordOf({ ...row, status: 'error', reason: 'node_failures', seconds: 300 }, config)
  const nodes = makeNodes(plain, { count: 60, bad: 2 })
  return {
    ...plain,
    steps: stepsOf(plain, nodes),
    failures: nodes.filter(node => node.status !== 'success'),
    counts: { success: 58, warn: 0, error: 2, fail: 0, skipped: 0, 'no-op': 0 },
  }
}

/** Nodes in layers on some threads; `bad`: this many fail. */
export function makeNodes(
  record: RunRecord,
  { count, bad = 0, threads = 4, seed = 3 }: { count: number; bad?: number; threads?: number; seed?: number },
): RunNode[] {
  const random = makeRandom(seed)
  const start = Date.parse(record.startedAt ?? record.claimedAt) + 6000
  const free = Array.from({ length: threads }, () => start)
  return Array.from({ length: count }, (_, i): RunNode => {
    const model = i % 3 !== 2
    const name = model
      ? `${['stg', 'int', 'fct'][Math.floor((3 * i) / count)]}_${['orders', 'payments', 'customers', 'sessions'][i % 4]}_${i}`
      : `not_null_orders_${i}`
    const lane = free.indexOf(Math.min(...free))
    const from = free[lane] ?? start
    const seconds = model ? 0.5 + random.around(4) : 0.2 + random.around(0.4)
    free[lane] = from + seconds * 1000
    const failed = i >= Math.floor(count / 2) && i < Math.floor(count / 2) + bad
    return {
      uniqueId: `${model ? 'model' : 'test'}.shop.${name}`,
      name,
      resourceType: model ? 'model' : 'test',
      status: failed ? (model ? 'error' : 'fail') : 'success',
      ...(failed &&
        model && {
          message: `Runtime Error in model ${name} (models/staging/${name}.sql)\n  Binder Error: Referenced column "amount_usd" not found in FROM clause!\n  Candidate bindings: "amount"\n\n  LINE 14:     amount_usd * 100\n               ^`,
        }),
      ...(failed && !model && { failures: 3, message: 'Got 3 results, configured to fail if != 0' }),
      startedAt: new Date(from).toISOString(),
      endedAt: new Date(from + seconds * 1000).toISOString(),
      executionSeconds: Number(seconds.toFixed(3)),
      ...(model && {
        rowsAffected: random.int(10, 100_000),
        materialized: i % 5 ? 'table' : 'view',
        relation: `"shop"."main"."${name}"`,
      }),
      path: model ? `models/staging/${name}.sql` : `models/staging/schema.yml`,
      step: BUILD_STEP,
      attempt: 1,
    }
  })
}

/** Puts the objects of a run into the map of a bucket. */
export function putRun(objects: Map<string, string | Buffer>, record: RunRecord, nodes: RunNode[]): void {
  const file: RunNodes = { schemaVersion: SCHEMA_VERSION, run: record.id, nodes }
  objects.set(KEY.record(record), JSON.stringify(record))
  objects.set(KEY.nodes(record), JSON.stringify(file))
  const prefix = KEY.step(KEY.attempt(record, 1), BUILD_STEP, 'build')
  const models = nodes.filter(node => node.resourceType === 'model')
  // A model needs the last two models that had ended when it began, a test the model before it.
  const parent_map = Object.fromEntries(
    nodes.map(node => {
      const ended = models
        .filter(({ endedAt = '' }) => endedAt <= (node.startedAt ?? ''))
        .slice(node.resourceType === 'test' ? -1 : -2)
      return [node.uniqueId, ended.map(each => each.uniqueId)]
    }),
  )
  objects.set(`${prefix}manifest.json`, JSON.stringify({ metadata: {}, parent_map }))
  objects.set(
    `${prefix}run_results.json`,
    JSON.stringify({
      results: models.map(node => ({
        unique_id: node.uniqueId,
        compiled_code: `select *\nfrom raw.${node.name} -- <b>not bold</b>`,
      })),
    }),
  )
  objects.set(`${prefix}log.txt`, 'the whole log\n')
}

/** In each part one line is far wider than any screen, with letters of several widths. */
const WIDE_LINE = 30
const WIDE = `select\t${'a_rather_long_column_name, '.repeat(30)}${'数据仓库 → ✓ '.repeat(20)}`

/** Parts of the log as the runner writes them, of about so many bytes in all. Keys in order. */
export function putLog(
  objects: Map<string, string | Buffer>,
  record: RunRecord,
  nodes: RunNode[],
  { bytes, perPart = 900_000 }: { bytes: number; perPart?: number },
): string[] {
  const prefix = KEY.attempt(record, 1)
  const ended = Date.parse(record.endedAt ?? new Date().toISOString())
  const start = Date.parse(record.startedAt ?? record.claimedAt)
  const ends = [...nodes].sort((a, b) => (a.endedAt ?? '').localeCompare(b.endedAt ?? ''))
  const parts = Math.max(1, Math.ceil(bytes / perPart))
  const keys: string[] = []
  let next = 0
  for (let part = 1; part <= parts; part++) {
    const from = start + ((ended - start) * (part - 1)) / parts
    const until = start + ((ended - start) * part) / parts
    const progress: Progress = {
      type: 'progress',
      schemaVersion: SCHEMA_VERSION,
      run: record.id,
      attempt: 1,
      part,
      at: new Date(until).toISOString(),
      steps: record.steps ?? [],
      nodes: { done: next, total: nodes.length, running: [] },
    }
    const lines: string[] = [JSON.stringify(progress)]
    let size = 0
    for (let n = 0; size < Math.min(bytes, perPart); n++) {
      const at = from + ((until - from) * size) / Math.min(bytes, perPart)
      const node = ends[next]
      const due = node && Date.parse(node.endedAt ?? '') <= at
      const text = due
        ? endLine(node, next, nodes.length)
        : n === WIDE_LINE
          ? `${WIDE} of part ${part}`
          : `  ${n} of part ${part}: the adapter says something of its own that takes a line of the log`
      const step = part === 1 ? Math.min(n, BUILD_STEP) : BUILD_STEP
      const line: LogLine = { type: 'log', at: due ? (node.endedAt ?? '') : new Date(at).toISOString(), step, text }
      lines.push(JSON.stringify(line))
      if (due) {
        lines.push(JSON.stringify({ type: 'node', ...node }))
        next += 1
      }
      size += (lines.at(-1)?.length ?? 0) + 1
    }
    const key = KEY.part(prefix, part)
    objects.set(key, gzipSync(`${lines.join('\n')}\n`))
    keys.push(key)
  }
  return keys
}

function endLine(node: RunNode, number: number, of: number): string {
  const word =
    node.status === 'success'
      ? '\u001b[32mOK\u001b[0m'
      : node.status === 'fail'
        ? '\u001b[31mFAIL 3\u001b[0m'
        : '\u001b[31mERROR\u001b[0m'
  return `${number + 1} of ${of} ${word} ${node.resourceType} ${node.name} .......... [in ${node.executionSeconds}s]`
}
