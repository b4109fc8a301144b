/** Table and bucket of an installation in the emulator, with as long a history as is asked for. */
import { BatchWriteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { marshall } from '@aws-sdk/util-dynamodb'
import { type Bucket, makeBucket } from '../lambda/common/bucket.ts'
import { dayOfRun, KEY } from '../shared/contract.ts'
import { HISTORY_KEY, HISTORY_TABLES } from '../shared/history-index.ts'
import type { RunRecord } from '../shared/run.ts'
import { itemOfRun } from '../shared/run-item.ts'
import { configOf, hashOf } from '../test/fakes/records.ts'
import { makeTable } from '../test/local/table.ts'
import type { Cloud } from './cloud.ts'

export interface Installation {
  /** Of its table and its bucket. */
  name: string
  bucket: Bucket
  /** Key of the configuration. */
  config: string
  put(run: RunRecord): Promise<void>
  close(): void
}

/** Options of a client of AWS, for the environment of a program. */
export function optionsOf({ env }: Pick<Cloud, 'env'>) {
  const { AWS_ENDPOINT_URL: endpoint = '', AWS_REGION: region = '' } = env
  return {
    endpoint,
    region,
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID ?? '', secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? '' },
  }
}

export async function makeInstallation(cloud: Pick<Cloud, 'env'>, name: string, config = configOf()): Promise<Installation> {
  const options = optionsOf(cloud)
  const [s3, db] = [new S3Client({ ...options, forcePathStyle: true }), new DynamoDBClient(options)]
  await s3.send(new CreateBucketCommand({ Bucket: name }))
  await makeTable(db, name)
  const bucket = makeBucket(s3, name)
  const key = KEY.config(hashOf(config))
  await bucket.write(key, JSON.stringify(config), { type: 'application/json' })
  return {
    name,
    bucket,
    config: key,
    put: run => putRuns(db, name, [run]),
    close() {
      s3.destroy()
      db.destroy()
    },
  }
}

/** Runs in the table, and what the history has of them: files of months, an index, and the newest hundredth in files of their own. */
export async function fill(cloud: Cloud, { name, bucket }: Installation, runs: Iterable<RunRecord>): Promise<void> {
  const db = new DynamoDBClient(optionsOf(cloud))
  const keys = new Set<string>([HISTORY_KEY.index])
  let written = 0
  for (const batch of batches(runs, 25 * 16)) {
    await Promise.all([...batches(batch, 25)].map(each => putRuns(db, name, each)))
    for (const run of batch) {
      const day = dayOfRun(run.id)
      const newest = written++ % 100 === 0
      keys.add(HISTORY_KEY.dayPage(day, '0'.repeat(64)))
      for (const table of HISTORY_TABLES)
        keys.add(newest ? HISTORY_KEY.run(table, day, run.id) : HISTORY_KEY.month(table, day.slice(0, 7), '1'))
    }
  }
  for (const batch of batches(keys, 16))
    await Promise.all(batch.map(key => bucket.write(key, 'x', { type: 'application/octet-stream' })))
  db.destroy()
}

async function putRuns(db: DynamoDBClient, table: string, runs: readonly RunRecord[]): Promise<void> {
  const requests = runs.map(run => ({ PutRequest: { Item: marshall(itemOfRun(run), { removeUndefinedValues: true }) } }))
  const { UnprocessedItems } = await db.send(new BatchWriteItemCommand({ RequestItems: { [table]: requests } }))
  if (UnprocessedItems?.[table]?.length) throw new Error(`${UnprocessedItems[table].length} runs were not taken by the table`)
}

function* batches<T>(values: Iterable<T>, size: number): Iterable<T[]> {
  let batch: T[] = []
  for (const value of values) {
    batch.push(value)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length) yield batch
}
