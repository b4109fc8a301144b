import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { HISTORY_KEY, HISTORY_TABLES } from '../../shared/history-index.ts'
import { TABLES } from '../../shared/history-tables.ts'
import type { RunRecord } from '../../shared/run.ts'
import type { FakeCloud } from '../fakes/cloud.ts'
import { withRuns } from '../lambda/compactor-fixture.ts'
import { good, yaml } from '../shared/config-helper.ts'
import { config } from './fixture.ts'
import { ofType, one, synthesise } from './synth.ts'

const { main } = synthesise(config({ installation: 'data-eu', history: { athena: true } }))

describe('the history for Athena', () => {
  it('is there only where the configuration asks for it', () => {
    const types = Object.values(synthesise(config()).main.resources).map(({ Type }) => Type)
    assert.deepEqual(
      types.filter(type => /Glue|Athena/.test(type)),
      [],
    )
    assert.deepEqual(good(yaml({ more: 'history: { athena: true }' })).config.history, { athena: true })
    assert.equal('history' in good(yaml()).config, false)
  })

  it('has a table of the files of each table: all below its prefix, with the columns that are written', () => {
    assert.equal(one(main, 'AWS::Glue::Database').Properties.DatabaseInput.Name, 'tidemill_data_eu')
    const tables = ofType(main, 'AWS::Glue::Table').map(({ Properties }) => Properties)
    assert.deepEqual(tables.map(({ TableInput }) => TableInput.Name).sort(), HISTORY_TABLES.map(name => `${name}_files`).sort())
    for (const { TableInput, DatabaseName } of tables) {
      const table = HISTORY_TABLES.find(name => TableInput.Name === `${name}_files`) ?? assert.fail()
      const { Location, Columns, SerdeInfo } = TableInput.StorageDescriptor
      assert.equal(DatabaseName, 'tidemill_data_eu')
      assert.match(JSON.stringify(Location), new RegExp(`"s3://",\\{"Ref":"DataBucket[^"]*"\\},"/${HISTORY_KEY.root}${table}/"`))
      assert.match(SerdeInfo.SerializationLibrary, /ParquetHiveSerDe$/)
      // Days and months lie beside each other: neither is a partition of the other's files.
      assert.equal(TableInput.PartitionKeys, undefined)
      assert.deepEqual(
        Columns.map((column: { Name: string }) => column.Name),
        TABLES[table].columns.map(({ name }) => name),
      )
      const typeOf = (name: string) => Columns.find((column: { Name: string }) => column.Name === name)?.Type
      assert.deepEqual([typeOf('claimed_at'), typeOf('run_id')], ['timestamp', 'string'])
      if (table === 'nodes')
        assert.deepEqual(['tags', 'seconds', 'step', 'rows_affected'].map(typeOf), ['array<string>', 'double', 'int', 'bigint'])
    }
  })

  // Athena is not to be had here. The statements are plain enough for DuckDB to run them, with Athena's hidden column as a common one.
  it('has views in which a run counts once, as it ended last, whatever the compactor has left of it', {
    timeout: 60_000,
  }, async t => {
    const saved = ofType(main, 'AWS::Athena::NamedQuery').map(({ Properties }) => Properties)
    assert.deepEqual(
      saved.map(({ Name }) => Name),
      HISTORY_TABLES.map(table => `tidemill_data_eu: view ${table}`),
    )
    // Documented: a view reads no hidden column but the path.
    for (const { QueryString } of saved) assert.deepEqual([...new Set(QueryString.match(/\$\w+/g))], ['$path'])
    const { made, runs } = await withRuns([-40, -39, -3, 0], 2)
    const again = (number: number): RunRecord => {
      const run = runs[number] ?? assert.fail()
      return { ...run, status: 'error', endedAt: new Date(Date.parse(run.endedAt ?? '') + 3_600_000).toISOString() }
    }
    const asked = () => askViews(t, made.cloud.objects, saved)
    const expected = (failed: string[]) => runs.map(({ id }) => [id, failed.includes(id) ? 'error' : 'success']).sort()
    assert.deepEqual(await asked(), expected([]))
    await made.daily()
    // Files of runs, days and months beside each other.
    assert.ok(made.index().months.length > 0)
    assert.deepEqual(await asked(), expected([]))
    // One of a month, one of a day.
    const failed = [again(0), again(4)]
    for (const run of failed) await made.poke(await made.finish(run))
    const ids = failed.map(run => run.id)
    assert.deepEqual(await asked(), expected(ids))
    await made.daily()
    assert.deepEqual(await asked(), expected(ids))
    // Noted as without use, removed an hour later: its own files last, so that nobody meets an earlier end when they are gone.
    const removed: string[] = []
    const { remove } = made.deps.bucket
    made.deps.bucket.remove = keys => {
      removed.push(...keys)
      return remove(keys)
    }
    for (let turn = 0; turn < 2; turn++) {
      await made.daily()
      made.cloud.advance(3601)
    }
    await made.daily()
    const own = [...made.cloud.objects.keys()].filter(key => ids.some(id => key.includes(`run=${id}`)))
    assert.deepEqual(own, [])
    const isOwn = (key: string) => key.includes('run=')
    assert.ok(removed.some(isOwn) && removed.findIndex(isOwn) > removed.findLastIndex(key => key.includes('all-')))
    assert.deepEqual(await asked(), expected(ids))
  })
})

/** Runs with their status, as the views say; the other views have the same runs. */
async function askViews(t: TestContext, objects: FakeCloud['objects'], saved: { QueryString: string }[]): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-athena-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [key, { body }] of objects) {
    if (!key.endsWith('.parquet')) continue
    mkdirSync(dirname(join(folder, key)), { recursive: true })
    writeFileSync(join(folder, key), body)
  }
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    await connection.run('CREATE SCHEMA tidemill_data_eu')
    const rowsOf = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson()
    for (const [i, table] of HISTORY_TABLES.entries()) {
      await connection.run(
        `CREATE VIEW tidemill_data_eu.${table}_files AS SELECT * EXCLUDE (filename), filename AS "$path"
         FROM read_parquet('${folder}/history/v1/${table}/*/*.parquet', filename = true, union_by_name = true, hive_partitioning = false)`,
      )
      await connection.run(saved[i]?.QueryString ?? '')
      const [[rows, keys] = []] = await rowsOf(
        `SELECT count(*), count(DISTINCT (run_id, ${KEYS[table]})) FROM tidemill_data_eu.${table}`,
      )
      assert.equal(rows, keys, `a row of ${table} counts twice`)
    }
    assert.deepEqual(
      await rowsOf('SELECT DISTINCT run_id FROM tidemill_data_eu.nodes ORDER BY 1'),
      await rowsOf('SELECT run_id FROM tidemill_data_eu.runs ORDER BY 1'),
    )
    return await rowsOf('SELECT run_id, status FROM tidemill_data_eu.runs ORDER BY 1')
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** What tells the rows of a run apart. */
const KEYS = {
  runs: 'job',
  steps: 'step',
  nodes: 'unique_id',
  tests: 'unique_id',
  sources: 'unique_id',
  costs: '(item, attempt)',
}
