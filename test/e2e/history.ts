/** The Parquet files that the runs of a deployed installation leave, read with DuckDB. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Bucket } from '../../lambda/common/bucket.ts'
import { dayOfRun, KEY } from '../../shared/contract.ts'
import { HISTORY_KEY, HISTORY_TABLES, type RunNodes } from '../../shared/history-index.ts'
import type { RunRecord } from '../../shared/run.ts'
import type { Installation } from './installation.ts'
import { bucketOf } from './table.ts'
import { until } from './until.ts'

const MOST_BYTES = 16 * 1024 * 1024
const read = async (bucket: Bucket, key: string) => (await bucket.read(key, MOST_BYTES))?.body

/** Tests for the installation of project.ts, after runs of its jobs. */
export function historyTests(installation: () => Installation): void {
  test('the history has every run that ended, each table as DuckDB reads it', { timeout: 180_000 }, async () => {
    const it = installation()
    const stale = (await it.tidemill('run', 'stale', '--wait')).json.run as RunRecord
    assert.equal(stale.status, 'warn', JSON.stringify(stale))
    const runs = ((await it.tidemill('runs', '-n', '100')).json.runs as RunRecord[]).filter(run => run.endedAt)
    const bucket = await bucketOf(it.cloud)
    const folder = join(it.folder, 'history')
    mkdirSync(folder)
    for (const run of runs)
      for (const table of HISTORY_TABLES)
        writeFileSync(join(folder, `${table}-${run.id}.parquet`), await fileOf(bucket, run, table))
    const ask = await questions(folder)

    assert.deepEqual(
      await ask('select run_id, job, status, reason, attempts, nodes_success from runs order by run_id'),
      runs
        .map(run => [run.id, run.job, run.status, run.reason ?? null, run.attempts.length, run.counts?.success ?? null])
        .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    )
    assert.deepEqual(await ask("select distinct name, status from nodes where job = 'failing_model' order by name"), [
      ['below_broken', 'skipped'],
      ['broken', 'error'],
      ['numbers', 'success'],
    ])
    const [broken] = await ask("select message, path, seconds > 0, commit_sha from nodes where name = 'broken'")
    assert.match(String(broken?.[0]), /Could not convert string 'forty' to INT32/)
    assert.deepEqual(await ask("select name, tested_node from tests where job = 'good' order by name"), [
      ['doubled_has_ids', 'model.chain.doubled'],
      ['not_null_numbers_id', 'model.chain.numbers'],
      ['unique_numbers_id', 'model.chain.numbers'],
    ])
    // Not of the newest run: each minute brings one of the paused schedule, which has no commit.
    assert.deepEqual(broken?.slice(1), ['models/broken.sql', true, stale.commit?.sha])
    assert.deepEqual(await ask('select name, status, failures, tested_node from tests where failures > 0 order by name'), [
      ['nullable_fails', 'fail', '1', 'model.chain.nullable'],
      ['nullable_warns', 'warn', '1', 'model.chain.nullable'],
    ])
    assert.deepEqual(
      await ask(
        'select source_name, name, status, max_loaded_at::date::varchar, age_seconds > 86400, warn_after_seconds from sources',
      ),
      [['raw', 'numbers', 'warn', '2026-01-01', true, 86_400]],
    )
    assert.deepEqual(
      await ask(
        "select count(*)::int from runs where status <> 'skipped' and not exists (from costs where costs.run_id = runs.run_id and usd > 0)",
      ),
      [[0]],
    )
    assert.deepEqual(await ask("select name from steps where job = 'stale' order by step"), [
      ['checkout'],
      ['deps'],
      ['freshness'],
      ['run'],
    ])
    const nodes = JSON.parse(await textAt(bucket, KEY.nodes(stale))) as RunNodes
    assert.deepEqual(
      nodes.nodes.map(node => node.uniqueId),
      ['model.chain.numbers'],
    )
  })
}

/** The finisher may still be at it. */
const fileOf = (bucket: Bucket, run: RunRecord, table: (typeof HISTORY_TABLES)[number]): Promise<Uint8Array> =>
  until(`${table} of run ${run.id} (${run.job}, ${run.status})`, 60, () =>
    read(bucket, HISTORY_KEY.run(table, dayOfRun(run.id), run.id)),
  )

async function textAt(bucket: Bucket, key: string): Promise<string> {
  const body = await read(bucket, key)
  assert.ok(body, key)
  return gunzipSync(body).toString()
}

async function questions(folder: string): Promise<(question: string) => Promise<unknown[][]>> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  for (const table of HISTORY_TABLES) await connection.run(`create view ${table} as from '${folder}/${table}-*.parquet'`)
  return async question => (await connection.runAndReadAll(question)).getRowsJson()
}
