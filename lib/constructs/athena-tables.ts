import { Aws, Fn } from 'aws-cdk-lib'
import { CfnNamedQuery } from 'aws-cdk-lib/aws-athena'
import { CfnDatabase, CfnTable } from 'aws-cdk-lib/aws-glue'
import { Construct } from 'constructs'
import type { SqlType } from '../../shared/history-columns.ts'
import { HISTORY_KEY, HISTORY_TABLES, type HistoryTable } from '../../shared/history-index.ts'
import { TABLES } from '../../shared/history-tables.ts'

export interface AthenaTablesProps {
  readonly installation: string
  readonly bucketName: string
}

/** As the Glue catalogue calls them. */
const GLUE_TYPES: Record<SqlType, string> = {
  VARCHAR: 'string',
  'VARCHAR[]': 'array<string>',
  INTEGER: 'int',
  BIGINT: 'bigint',
  DOUBLE: 'double',
  BOOLEAN: 'boolean',
  TIMESTAMP: 'timestamp',
}

/**
 * The history for Athena. A table of the catalogue is all files below one prefix: those of single runs, days and months, also
 * ones that are replaced and not yet removed. There are no partitions: days and months lie beside each other, which no
 * projection can say, and the files' own statistics leave out most of what a question is not about. Views over them take each
 * run from one file; Athena makes views only by its own statements, which are saved for whoever asks.
 */
export class AthenaTables extends Construct {
  constructor(scope: Construct, id: string, { installation, bucketName }: AthenaTablesProps) {
    super(scope, id)
    const name = `tidemill_${installation.replaceAll('-', '_')}`
    const database = new CfnDatabase(this, 'Database', {
      catalogId: Aws.ACCOUNT_ID,
      databaseInput: { name, description: `Tidemill ${installation}: history of runs` },
    })
    for (const table of HISTORY_TABLES) {
      const files = new CfnTable(this, `Files-${table}`, {
        catalogId: Aws.ACCOUNT_ID,
        databaseName: name,
        tableInput: { ...filesTable(table), storageDescriptor: storageOf(table, bucketName) },
      })
      files.addResourceDependency(database)
      const view = new CfnNamedQuery(this, `View-${table}`, {
        name: `${name}: view ${table}`,
        description: `Makes the view ${table}, in which each run counts once`,
        database: name,
        queryString: viewOf(name, table),
      })
      view.addResourceDependency(files)
    }
  }
}

const filesTable = (table: HistoryTable) => ({
  name: `${table}_files`,
  description: `${TABLES[table].meaning.replaceAll('`', '')} A run can be in several files: ask the view ${table}.`,
  tableType: 'EXTERNAL_TABLE',
  parameters: { classification: 'parquet', EXTERNAL: 'TRUE' },
})

const storageOf = (table: HistoryTable, bucketName: string): CfnTable.StorageDescriptorProperty => ({
  location: Fn.join('', ['s3://', bucketName, `/${HISTORY_KEY.root}${table}/`]),
  inputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
  outputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
  serdeInfo: { serializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' },
  // By name, as Athena reads Parquet: what an older file lacks is NULL.
  columns: TABLES[table].columns.map(({ name, type }) => ({ name, type: GLUE_TYPES[type] })),
})

/**
 * A run's own file has its last end as long as it is there, and `run=` sorts behind `all-`; of several compacted files all have the
 * same of it. When a file was written cannot be asked: of the hidden columns a view in Athena may read `$path` alone.
 */
function viewOf(database: string, table: HistoryTable): string {
  const files = `"${database}"."${table}_files"`
  const columns = TABLES[table].columns.map(({ name }) => `f."${name}"`)
  return `CREATE OR REPLACE VIEW "${database}"."${table}" AS
WITH newest AS (
  SELECT run_id, max_by("$path", regexp_extract("$path", '[^/]+$')) AS path FROM ${files} GROUP BY run_id
)
SELECT CAST(f."claimed_at" AS date) AS "day", ${columns.join(', ')}
FROM ${files} f JOIN newest ON f.run_id = newest.run_id AND f."$path" = newest.path
`
}
