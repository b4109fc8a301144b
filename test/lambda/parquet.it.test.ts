/** The files of the history as DuckDB reads them, and hyparquet. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { writeTable } from '../../lambda/common/parquet.ts'
import type { Column } from '../../shared/history-columns.ts'
import { HISTORY_TABLES, type HistoryTable, type RunNode } from '../../shared/history-index.ts'
import { historyRows } from '../../shared/history-rows.ts'
import { HISTORY_VERSION, type HistoryRow, METADATA, TABLES } from '../../shared/history-tables.ts'
import { at, attemptOf, environmentOf, runOf } from '../fakes/records.ts'

const options = { timeout: 60_000 }
const folder = mkdtempSync(join(tmpdir(), 'tidemill-parquet-'))
let ask: (question: string) => Promise<Record<string, unknown>[]>
before(async () => {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  ask = async question => (await connection.runAndReadAll(question)).getRowObjectsJson()
})
after(() => rmSync(folder, { recursive: true, force: true }))

function store<T extends HistoryTable>(table: T, rows: readonly HistoryRow<T>[]): { path: string; bytes: Uint8Array } {
  const path = join(folder, `${table}-${rows.length}.parquet`)
  const bytes = writeTable(table, rows)
  writeFileSync(path, bytes)
  return { path, bytes }
}
const run = runOf(1, {
  status: 'error',
  startedAt: at(1),
  endedAt: at(3601),
  peakMemoryBytes: 2 ** 40,
  message: 'Grün \u{1f7e2} \u202eתוצאה\n"quoted", \'single\'',
  attempts: [attemptOf(1, { taskArn: 'arn:aws:ecs:eu-central-1:000000000000:task/t/1', stoppedAt: at(3600) })],
})
const node = (n: number): RunNode => ({
  uniqueId: `${n % 3 ? 'model' : 'test'}.shop.node_${n}`,
  name: `node_${n}`,
  resourceType: n % 3 ? 'model' : 'test',
  status: n % 50 ? 'success' : 'error',
  step: 1,
  attempt: 1,
  message: n % 7 ? 'SELECT 1' : `Größe ${n} \u{1f600}`,
  startedAt: at(n / 1000),
  endedAt: at(n / 1000 + 1),
  executionSeconds: n / 8,
  rowsAffected: 10 ** 12 + n,
  ...(n % 2 && { owners: ['ana', `team ${n % 5}`], tags: [] }),
})
const input = { run, environment: environmentOf(), sources: [], logCharacters: 0 }

test('DuckDB sees the types of the schema in every table, also in an empty one', options, async () => {
  const rows = historyRows({ ...input, nodes: [] })
  for (const table of HISTORY_TABLES) {
    const wanted = (TABLES[table].columns as readonly Column[]).map(({ name, type }) => [
      name,
      type === 'TIMESTAMP' ? 'TIMESTAMP WITH TIME ZONE' : type,
    ])
    const { path, bytes } = store(table, rows[table] as never)
    const seen = await ask(`describe select * from '${path}'`)
    assert.deepEqual(
      seen.map(each => [each.column_name, each.column_type]),
      wanted,
      table,
    )
    const [count] = await ask(`select count(*)::int as n from '${path}'`)
    assert.equal(count?.n, rows[table].length, table)
    const metadata = parquetMetadata(new Uint8Array(bytes).buffer).key_value_metadata
    assert.deepEqual(Object.fromEntries((metadata ?? []).map(({ key, value }) => [key, value])), {
      [METADATA.version]: String(HISTORY_VERSION),
      [METADATA.table]: table,
    })
  }
})

test('texts, times, large numbers and what is not there come back as they were', options, async () => {
  const { path } = store('runs', historyRows({ ...input, nodes: [] }).runs)
  const [row] = await ask(`select *, claimed_at::date::varchar as day, epoch_us(ended_at) as ended from '${path}'`)
  assert.deepEqual([row?.message, row?.peak_memory_bytes, row?.reason], [run.message, String(2 ** 40), null])
  assert.deepEqual([row?.day, row?.ended], ['2026-11-22', String(Date.parse(at(3601)) * 1000)])
  assert.deepEqual([row?.seconds, row?.artifacts_incomplete, row?.attempts], [3600, false, 1])
})

test(
  '5,000 nodes: small, quick, the same for both readers, and groups that a condition rules out are not read',
  options,
  async t => {
    const nodes = Array.from({ length: 5000 }, (_, n) => node(n))
    const rows = historyRows({ ...input, nodes })
    const began = performance.now()
    const { path, bytes } = store('nodes', rows.nodes)
    const seconds = (performance.now() - began) / 1000
    t.diagnostic(`${rows.nodes.length} rows, ${bytes.length} bytes, ${seconds.toFixed(2)} s`)
    assert.ok(bytes.length < 200_000, `${bytes.length} bytes`)
    const [sums] = await ask(
      `select count(*)::int as n, sum(seconds) as s, sum(rows_affected)::varchar as r, count(owners)::int as o, max(len(tags))::int as l,
     count(distinct unique_id)::int as u, count(*) filter (message like '%\u{1f600}')::int as m from '${path}'`,
    )
    const models = nodes.filter(each => each.resourceType === 'model')
    assert.deepEqual(sums, {
      n: models.length,
      s: models.reduce((sum, each) => sum + (each.executionSeconds ?? 0), 0),
      r: String(models.reduce((sum, each) => sum + BigInt(each.rowsAffected ?? 0), 0n)),
      o: models.filter(each => each.owners).length,
      l: 0,
      u: models.length,
      m: models.filter(each => each.message?.startsWith('Gr')).length,
    })
    const read = await parquetReadObjects({ file: new Uint8Array(bytes).buffer, columns: ['unique_id', 'started_at', 'owners'] })
    assert.deepEqual(
      read.map(each => [each.unique_id, (each.started_at as Date).toISOString(), each.owners ?? undefined]),
      models.map(each => [each.uniqueId, new Date(each.startedAt ?? '').toISOString(), each.owners]),
    )
    const [statistics] = await ask(
      `select stats_min_value as least, stats_max_value as most from parquet_metadata('${path}') where path_in_schema = 'unique_id'`,
    )
    const ids = models.map(each => each.uniqueId).sort()
    assert.deepEqual(statistics, { least: ids[0], most: ids.at(-1) }, 'a reader can tell what a group holds')
    const [encodings] = await ask(`select encodings from parquet_metadata('${path}') where path_in_schema = 'run_id'`)
    assert.match(String(encodings?.encodings), /RLE_DICTIONARY/)
  },
)
