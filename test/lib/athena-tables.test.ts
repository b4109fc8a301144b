import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { HISTORY_KEY, HISTORY_TABLES } from '../../shared/history-index.ts'
import { TABLES } from '../../shared/history-tables.ts'
import { fileFor, type Row, runRow } from '../cli/sql-history.ts'
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

  // Athena is not to be had here. The statement is plain enough for DuckDB to run it, with Athena's hidden columns as common ones.
  it('has views in which a run counts once, from its newest file', { timeout: 30_000 }, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-athena-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const [kept, again, single] = ['01', '02', '03'].map(hour => runRow(`2026-11-20T${hour}:00:00Z`)) as [Row, Row, Row]
    const files: [written: number, key: string, rows: Row[]][] = [
      [1, HISTORY_KEY.run('runs', '2026-11-20', kept.run_id), [kept]],
      [2, HISTORY_KEY.day('runs', '2026-11-20', 'old'), [kept, { ...again, status: 'error' }]],
      [3, HISTORY_KEY.month('runs', '2026-11', 'new'), [kept, { ...again, status: 'error' }]],
      [4, HISTORY_KEY.run('runs', '2026-11-20', again.run_id), [again]],
      [5, HISTORY_KEY.run('runs', '2026-11-20', single.run_id), [single]],
    ]
    for (const [, key, rows] of files) {
      mkdirSync(dirname(join(folder, key)), { recursive: true })
      writeFileSync(join(folder, key), fileFor('runs', rows))
    }
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    t.after(() => {
      connection.closeSync()
      instance.closeSync()
    })
    const times = files.map(([time, key]) => `('${join(folder, key)}', ${time})`).join(', ')
    await connection.run('CREATE SCHEMA tidemill_data_eu')
    await connection.run(
      `CREATE VIEW tidemill_data_eu.runs_files AS SELECT r.* EXCLUDE (filename), filename AS "$path", time AS "$file_modified_time"
       FROM read_parquet('${folder}/history/v1/runs/*/*.parquet', filename = true, union_by_name = true, hive_partitioning = false) r
       JOIN (VALUES ${times}) t(path, time) ON path = filename`,
    )
    const saved = ofType(main, 'AWS::Athena::NamedQuery').map(({ Properties }) => Properties)
    assert.deepEqual(
      saved.map(({ Name }) => Name),
      HISTORY_TABLES.map(table => `tidemill_data_eu: view ${table}`),
    )
    await connection.run(saved[0].QueryString)
    const read = await connection.runAndReadAll('SELECT run_id, status, day::VARCHAR FROM tidemill_data_eu.runs ORDER BY run_id')
    assert.deepEqual(
      read.getRowsJson(),
      [kept, again, single].map(({ run_id }) => [run_id, 'success', '2026-11-20']),
    )
  })
})
