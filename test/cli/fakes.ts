/** Fakes of the narrow interfaces of `cli/`: a table, a bucket, an api and the effects of a process. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import type { Context, GlobalOptions, Input } from '../../cli/command.ts'
import type { Bucket, Connection, ObjectAnswer, Table } from '../../cli/connection.ts'
import type { Clock, Effects, Sink } from '../../cli/effects.ts'
import { makeStyle } from '../../cli/style.ts'
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
import type { Config } from '../../shared/config-model.ts'
import { INDEX, KEY } from '../../shared/contract.ts'
import type { PartLine } from '../../shared/plan.ts'
import type { RunRecord } from '../../shared/run.ts'
import { itemOfRun } from '../../shared/run-item.ts'
import { pieceOf } from '../fakes/objects.ts'

export const NOW = new Date('2026-11-22T12:00:00Z')

export function makeRun(id: string, fields: Partial<RunRecord> = {}): RunRecord {
  return {
    schemaVersion: 1,
    id,
    project: 'shop',
    environment: 'prod',
    job: 'nightly',
    status: 'success',
    cause: { kind: 'schedule', schedule: 'default', scheduledFor: '2026-11-22T01:00:00Z' },
    causeString: 'schedule shop/nightly/default@2026-11-22T01:00Z',
    config: 'c',
    priority: 0,
    claimedAt: '2026-11-22T01:00:04Z',
    startBy: '2026-11-22T01:30:00Z',
    launchTries: 0,
    attempts: [],
    ...fields,
  }
}

export const makeAttempt = (number: number): RunRecord['attempts'][number] => ({
  number,
  planKey: 'p',
  planSha256: 's',
  runTaskInput: '{}',
  capacity: 'FARGATE',
  cpu: 1024,
  memory: 2048,
  dispatchedAt: '2026-11-22T01:00:05Z',
})

type Item = Record<string, unknown>

/** Index queries as DynamoDB answers them: greatest sort key first, keys only. `items`: what is in the table beside runs. */
export function fakeTable(runs: RunRecord[], items: Item[] = []): Table & { runs: RunRecord[]; reads: number } {
  const all = (): Item[] => [...table.runs.map(itemOfRun), ...items]
  const table = {
    runs,
    reads: 0,
    get: async (pk: string) => all().find(item => item.pk === pk),
    getMany: async (pks: string[]) => {
      table.reads += pks.length
      if (pks.length > 100) throw new Error('more than 100 keys in one call of the fake')
      return all().filter(item => pks.includes(String(item.pk)))
    },
    query: async (index: keyof typeof INDEX, partition: string, { limit, before }: { limit: number; before?: string }) =>
      all()
        .filter(item => item[INDEX[index].partition] === partition)
        .map(item => ({ pk: String(item.pk), sort: String(item[INDEX[index].sort]) }))
        .filter(({ sort }) => before === undefined || sort < before)
        .sort((x, y) => (x.sort < y.sort ? 1 : -1))
        .slice(0, limit)
        .map(({ pk }) => pk),
    open: async (partition: string, phase = '') =>
      all()
        .filter(item => item.openKey === partition && String(item.openSort).startsWith(phase))
        .map(item => ({ pk: String(item.pk), sort: String(item.openSort) }))
        .sort((x, y) => (x.sort < y.sort ? -1 : 1)),
  }
  return table
}

const tagOf = (object: Uint8Array) => `"${createHash('md5').update(object).digest('hex')}"`

export function fakeBucket(objects: Record<string, Uint8Array>): Bucket & { downloads: string[] } {
  const downloads: string[] = []
  return {
    downloads,
    get: async key => objects[key],
    read: async (key, part) => {
      const object = objects[key]
      if (!object) return undefined
      return { ...pieceOf(object, part), etag: tagOf(object) }
    },
    list: async (prefix, from) =>
      Object.keys(objects)
        .filter(key => key.startsWith(prefix) && key > (from?.after ?? ''))
        .sort()
        .slice(0, from?.limit)
        .map(key => ({ key, bytes: objects[key]?.length ?? 0, etag: tagOf(objects[key] ?? new Uint8Array()) })),
    open: async (key, { head, range, ifNoneMatch }) => openStored(objects[key], head === true, range, ifNoneMatch),
    download: async (key, path) => void downloads.push(`${key} > ${path}`),
  }
}

/** As S3 answers; what begins like gzip counts as stored with that encoding. */
function openStored(
  bytes: Uint8Array | undefined,
  head: boolean,
  range?: string,
  ifNoneMatch?: string,
): ObjectAnswer | undefined {
  if (!bytes) return undefined
  const etag = tagOf(bytes)
  if (ifNoneMatch === etag) return { status: 304, etag }
  const encoding = bytes[0] === 0x1f && bytes[1] === 0x8b ? { encoding: 'gzip' } : {}
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? []
  if (range === undefined)
    return { status: 200, etag, bytes: bytes.length, ...encoding, ...(!head && { body: Readable.from([Buffer.from(bytes)]) }) }
  const start = from === '' ? bytes.length - Number(to) : Number(from)
  if (start >= bytes.length) return { status: 416, etag: '' }
  const part = Buffer.from(bytes.subarray(start, from === '' || to === '' ? undefined : Number(to) + 1))
  const contentRange = `bytes ${start}-${start + part.length - 1}/${bytes.length}`
  return { status: 206, etag, bytes: part.length, range: contentRange, ...encoding, body: Readable.from([part]) }
}

export const partKey = (run: RunRecord, attempt: number, part: number) => KEY.part(KEY.attempt(run, attempt), part)
export const partOf = (...lines: PartLine[]) => gzipSync(lines.map(line => `${JSON.stringify(line)}\n`).join(''))

export const CONFIG = {
  jobs: {
    'shop/nightly': { project: 'shop', name: 'nightly' },
    'shop/hourly': { project: 'shop', name: 'hourly' },
  },
  environments: { 'shop/prod': { project: 'shop', name: 'prod' } },
} as unknown as Config

export function fakeConnection(parts: {
  runs?: RunRecord[]
  items?: Item[]
  config?: Config
  objects?: Record<string, Uint8Array>
  api?: (request: ApiRequest) => ApiResponse
}): Connection & { table: ReturnType<typeof fakeTable>; bucket: ReturnType<typeof fakeBucket>; requests: ApiRequest[] } {
  const requests: ApiRequest[] = []
  return {
    installation: 'tm',
    region: 'eu-central-1',
    local: false,
    bucketName: 'bucket',
    tableName: 'table',
    table: fakeTable(parts.runs ?? [], parts.items),
    bucket: fakeBucket(parts.objects ?? {}),
    requests,
    api: async request => {
      requests.push(request)
      if (!parts.api) throw new Error(`unexpected request ${JSON.stringify(request)}`)
      return parts.api(request)
    },
    config: async () => parts.config ?? CONFIG,
    configKey: async () => 'config/c.json',
    identity: async () => 'arn:aws:sts::000000000000:assumed-role/viewer/ana',
  }
}

export interface FakeSink extends Sink {
  text: string
}
export const fakeSink = (isTTY = false, columns = isTTY ? 80 : Number.POSITIVE_INFINITY): FakeSink => {
  const sink = {
    text: '',
    isTTY,
    columns,
    write: (text: string) => {
      sink.text += text
    },
  }
  return sink
}

/** Time passes only by sleeping; `onSleep` changes the world meanwhile. */
export function fakeClock(onSleep: (count: number) => void = () => {}): Clock & { ticks: (() => void)[] } {
  let now = NOW.getTime()
  let count = 0
  const ticks: (() => void)[] = []
  return {
    ticks,
    now: () => new Date(now),
    sleep: async milliseconds => {
      now += milliseconds
      onSleep(++count)
      if (count > 1000) throw new Error('slept a thousand times')
    },
    every: (_, tick) => {
      ticks.push(tick)
      return () => void ticks.splice(ticks.indexOf(tick), 1)
    },
  }
}

export function fakeContext(
  connection: Connection,
  { globals = {}, effects = {} }: { globals?: Partial<GlobalOptions>; effects?: Partial<Effects> } = {},
): Context & { stdout: FakeSink; said: string[] } {
  const stdout = fakeSink()
  const said: string[] = []
  return {
    stdout,
    said,
    style: makeStyle(false),
    say: line => void said.push(line),
    paste: text => text,
    globals: { installation: 'tm', local: false, json: false, color: true, ...globals },
    effects: {
      stdout,
      stderr: fakeSink(),
      clock: fakeClock(),
      env: {},
      cwd: '/nowhere',
      zone: 'UTC',
      homeDir: '/nowhere',
      interrupt: new AbortController().signal,
      packageRoot: '/nowhere',
      ask: undefined,
      readInput: undefined,
      randomKey: () => 'key-1',
      execute: async command => {
        throw new Error(`unexpected program ${command}`)
      },
      connect: async () => connection,
      ...effects,
    },
  }
}

export const input = (words: Input['words'] = {}, options: Input['options'] = {}): Input => ({ words, options })
