/** Installations in the emulator with runs that are over: table, bucket, a compactor over them, and questions in SQL. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { S3Client } from '@aws-sdk/client-s3'
import { DeleteCommand, ScanCommand } from '@aws-sdk/lib-dynamodb'
import { makeInstallation, optionsOf } from '../../bench/site-store.ts'
import { makeBucket as makeReader } from '../../cli/aws-bucket.ts'
import type { Bucket as Reader } from '../../cli/connection.ts'
import { answer } from '../../cli/sql-answer.ts'
import { makeBucket, textOf } from '../../lambda/common/bucket.ts'
import { documentClient } from '../../lambda/common/clients.ts'
import { makeConfigs } from '../../lambda/common/config.ts'
import { makeDynamoStore } from '../../lambda/common/dynamo-store.ts'
import { writeHistory } from '../../lambda/common/effect-history.ts'
import { makeLog } from '../../lambda/common/log.ts'
import { type CompactDeps, compact } from '../../lambda/compactor/compact.ts'
import type { Config } from '../../shared/config-model.ts'
import { KEY, TTL } from '../../shared/contract.ts'
import { type DayPage, HISTORY_KEY, HISTORY_TABLES, type HistoryIndex } from '../../shared/history-index.ts'
import type { RunRecord } from '../../shared/run.ts'
import { configOf, hashOf, NOW } from '../fakes/records.ts'
import type { TestCloud } from '../local/fixture.ts'
import { nodesOf } from './compactor-fixture.ts'

export interface Place {
  /** Of the AWS clients. */
  env: Record<string, string>
  /** Scratch. */
  folder: string
}

/** In a cloud of the tests; the command line's own clients find it by this process's environment. */
export function placeOf({ cloud, folder }: TestCloud): Place {
  const { endpoint, region, accessKeyId, secretAccessKey } = cloud
  const env = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  }
  Object.assign(process.env, env)
  return { env, folder }
}

export type Installed = Awaited<ReturnType<typeof install>>

export async function install({ env, folder }: Place, name: string, config: Config = configOf()) {
  const it = await makeInstallation({ env }, name, config)
  const bucket = it.bucket
  let now = Date.parse(NOW)
  const lines: string[] = []
  const cache = join(folder, `cache-${name}`)
  const reader = makeReader(name, { installation: name, region: env.AWS_REGION ?? '', localEndpoint: env.AWS_ENDPOINT_URL ?? '' })
  let holders = 0

  /** With clients of its own, as each function has. */
  function makeDeps(): CompactDeps {
    const options = optionsOf({ env })
    const own = makeBucket(new S3Client({ ...options, forcePathStyle: true }), name)
    const number = ++holders
    return {
      store: makeDynamoStore(documentClient(new DynamoDBClient(options)), name),
      bucket: own,
      configs: makeConfigs(own, it.config),
      log: makeLog(line => void lines.push(line), {}),
      now: () => new Date(now),
      random: () => number.toString(16).padStart(12, '0'),
      timeLeft: () => 600_000,
      compact: async () => assert.fail('there is time enough'),
      rowsOfFile: 20,
    }
  }
  const deps = makeDeps()
  const documents = documentClient(new DynamoDBClient(optionsOf({ env })))
  const index = async () => JSON.parse(Buffer.from((await reader.get(HISTORY_KEY.index)) ?? '{}').toString()) as HistoryIndex
  return {
    name,
    config: it.config,
    bucket,
    reader,
    lines,
    makeDeps,
    index,
    advance(seconds: number) {
      now += seconds * 1000
    },
    setTime(milliseconds: number) {
      now = milliseconds
    },
    /** As the finisher leaves it. */
    async finish(run: RunRecord) {
      const ended = { ...run, config: hashOf(config) }
      await it.put(ended)
      const text = nodesOf(3).map(node => JSON.stringify({ type: 'node', step: 1, ...node }))
      await bucket.write(KEY.part(KEY.attempt(run, 1), 1), gzipSync(text.join('\n')), { type: 'application/x-ndjson' })
      await writeHistory({ bucket, configs: deps.configs, log: deps.log }, ended)
    },
    poke: (event: unknown) => compact(deps, event),
    ask: (sql: string, from: Reader = reader) => ask(cache, from, name, sql),
    /** What everybody reads: all rows of all tables. */
    rows: (from: Reader = reader) =>
      ask(
        cache,
        from,
        name,
        `${HISTORY_TABLES.map(table => `select '${table}' as t, r::varchar as row from ${table} r`).join(' union all ')} order by all`,
      ),
    /** What pages show: the rows of all days. */
    async shown() {
      const pages = await Promise.all((await index()).days.map(day => bucket.read(day.page, 1e8)))
      return pages.flatMap(page => (JSON.parse(textOf(page?.body ?? new Uint8Array(), 1e8) ?? '') as DayPage).runs)
    },
    /** What the table's time to live does, sooner or later. */
    async forget(before: number) {
      const { Items = [] } = await documents.send(new ScanCommand({ TableName: name }))
      for (const { pk, [TTL]: at } of Items)
        if (typeof at === 'number' && at * 1000 <= before)
          await documents.send(new DeleteCommand({ TableName: name, Key: { pk } }))
    },
    /** Objects that the index names and that are not there. */
    async missing() {
      const there = new Set(await bucket.list(HISTORY_KEY.root, 10_000))
      const { days, months, jobs } = await index()
      const files = HISTORY_TABLES.flatMap(table => [
        ...days.flatMap(({ date, generation }) => (generation ? [HISTORY_KEY.day(table, date, generation)] : [])),
        ...days.flatMap(({ date, tail }) => tail.map(id => HISTORY_KEY.run(table, date, id))),
        ...months.map(({ month, generation }) => HISTORY_KEY.month(table, month, generation)),
      ])
      return [...files, ...days.map(day => day.page), ...jobs.map(job => job.page)].filter(key => !there.has(key))
    },
    /** The index without its time, and every object that it names with a hash of its content. */
    async state() {
      const { at: _, ...rest } = await index()
      const objects: [string, string][] = []
      for (const key of (await bucket.list(HISTORY_KEY.root, 10_000)).filter(each => !/index\/[a-z]+\.json$/.test(each)))
        objects.push([
          key,
          createHash('sha256')
            .update((await bucket.read(key, 1e8))?.body ?? '')
            .digest('hex'),
        ])
      return { index: rest, objects }
    },
    close() {
      it.close()
      rmSync(cache, { recursive: true, force: true })
    },
  }
}

async function ask(folder: string, bucket: Reader, name: string, sql: string) {
  const { rows } = await answer(
    { sql, limit: 100_000, anySize: false },
    {
      folder,
      interrupt: new AbortController().signal,
      now: new Date(),
      tell: () => undefined,
      connect: async () => ({ bucket, name }),
    },
  )
  return rows
}
