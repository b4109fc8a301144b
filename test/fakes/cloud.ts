import type { ApiDeps } from '../../lambda/api/operate.ts'
import { type Bucket, textOf } from '../../lambda/common/bucket.ts'
import { makeConfigs } from '../../lambda/common/config.ts'
import type { DeadLetter } from '../../lambda/common/dead-letters.ts'
import type { LaunchDeps } from '../../lambda/common/launch.ts'
import { makeLog } from '../../lambda/common/log.ts'
import type { LogEvent } from '../../lambda/common/logs.ts'
import type { DispatchDeps } from '../../lambda/dispatcher/dispatch.ts'
import type { FinishDeps } from '../../lambda/finisher/finish.ts'
import type { SweepDeps } from '../../lambda/sweeper/sweep.ts'
import type { Config } from '../../shared/config-model.ts'
import { KEY } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'
import { makeFakeEcs } from './ecs.ts'
import { makeMemoryStore } from './memory-store.ts'
import { configOf, hashOf, NOW } from './records.ts'

export type FakeCloud = ReturnType<typeof makeCloud>

/** Runs of the writes: after `crashAfter` of them the process is dead, and every further one throws. */
export class Crash extends Error {}

export function makeCloud(config: Config = configOf()) {
  let clock = Date.parse(NOW)
  let ids = 0
  let writes = 0
  let crashAfter = Number.POSITIVE_INFINITY
  const wrote = () => {
    if (writes >= crashAfter) throw new Crash(`dead before write ${writes + 1}`)
    writes++
  }
  const memory = makeMemoryStore()
  const store = countWrites(memory, wrote)
  const objects = new Map<string, { body: Uint8Array; etag: string }>()
  const bucket = makeMemoryBucket(objects, wrote)
  const text = JSON.stringify(config)
  objects.set(KEY.config(hashOf(config)), { body: new TextEncoder().encode(text), etag: 'config' })
  const ecs = makeFakeEcs()
  const streams = new Map<string, LogEvent[]>()
  const calls: { to: 'dispatch' | 'notify' | 'finish'; payload: object }[] = []
  const letters: DeadLetter[] = []
  const lines: string[] = []
  const invoke = (to: (typeof calls)[number]['to']) => async (payload: object) => {
    wrote()
    calls.push({ to, payload })
  }
  const deps = {
    store,
    bucket,
    configs: makeConfigs(bucket, KEY.config(hashOf(config))),
    ecs,
    logs: { tail: async (group: string, stream: string) => streams.get(`${group} ${stream}`) ?? [] },
    dispatch: invoke('dispatch'),
    notify: invoke('notify'),
    finish: invoke('finish'),
    deadLetters: {
      receive: async () => letters.slice(0, 10),
      remove: async (receipt: string) => {
        letters.splice(
          letters.findIndex(letter => letter.receipt === receipt),
          1,
        )
      },
    },
    installation: 'tidemill',
    network: {
      cluster: 'tidemill',
      subnets: ['subnet-a', 'subnet-b'],
      securityGroups: ['sg-1'],
      assignPublicIp: 'ENABLED' as const,
    },
    now: () => new Date(clock),
    random: () => (++ids).toString(16).padStart(12, '0'),
    sleep: async (milliseconds: number) => {
      clock += milliseconds
    },
    timeLeft: () => 300_000,
    log: makeLog(line => void lines.push(line), {}),
  } satisfies LaunchDeps & DispatchDeps & FinishDeps & SweepDeps & ApiDeps

  return {
    deps,
    store: memory,
    objects,
    ecs,
    streams,
    calls,
    letters,
    lines,
    config: hashOf(config),
    advance: (seconds: number) => {
      clock += seconds * 1000
    },
    /** The process dies before write number `count + 1` from now on; undefined: it lives again. */
    crashAfter(count: number | undefined) {
      writes = 0
      crashAfter = count ?? Number.POSITIVE_INFINITY
    },
    json: (key: string): unknown => {
      const object = objects.get(key)
      return object && JSON.parse(textOf(object.body, 1e8) ?? '')
    },
    put: (key: string, value: unknown) => {
      const body = value instanceof Uint8Array ? value : new TextEncoder().encode(JSON.stringify(value))
      objects.set(key, { body, etag: `put-${objects.size}` })
    },
    message: () => [...memory.messages.values()],
    run: async (id: string): Promise<RunRecord> => {
      const run = await memory.run(id)
      if (!run) throw new Error(`no run ${id}`)
      return run
    },
  }
}

const READS = new Set([
  'causesWithoutRun',
  'runsOfCauses',
  'deployments',
  'fanIn',
  'run',
  'runs',
  'idsOfDay',
  'job',
  'environment',
  'open',
])

/** Every operation that changes something is one write. */
function countWrites(store: ReturnType<typeof makeMemoryStore>, wrote: () => void): typeof store {
  const counted = { ...store }
  for (const [name, value] of Object.entries(store)) {
    if (typeof value !== 'function' || READS.has(name)) continue
    Object.assign(counted, {
      [name]: async (...args: unknown[]) => {
        wrote()
        return (value as (...given: unknown[]) => unknown)(...args)
      },
    })
  }
  return counted
}

function makeMemoryBucket(objects: Map<string, { body: Uint8Array; etag: string }>, wrote: () => void): Bucket {
  let etags = 0
  const bytes = (body: string | Uint8Array) => (typeof body === 'string' ? new TextEncoder().encode(body) : body)
  const put = (key: string, body: string | Uint8Array) => void objects.set(key, { body: bytes(body), etag: `etag-${++etags}` })
  return {
    async read(key, maxBytes) {
      const object = objects.get(key)
      return object && object.body.length <= maxBytes ? object : undefined
    },
    async write(key, body) {
      wrote()
      put(key, body)
    },
    async replace(key, body, etag) {
      wrote()
      if ((objects.get(key)?.etag ?? null) !== etag) return false
      put(key, body)
      return true
    },
    async copy(from, to) {
      wrote()
      const object = objects.get(from)
      if (object) put(to, object.body)
      return object !== undefined
    },
    list: async (prefix, max) =>
      [...objects.keys()]
        .filter(key => key.startsWith(prefix))
        .sort()
        .slice(-max),
    folders: async prefix => [
      ...new Set(
        [...objects.keys()].flatMap(
          key => (key.startsWith(prefix) ? key.slice(prefix.length).split('/').slice(0, -1)[0] : []) ?? [],
        ),
      ),
    ],
    async remove(keys) {
      wrote()
      for (const key of keys) objects.delete(key)
    },
  }
}
