/** One invocation of a Lambda: its clock is off, it may be slow, and it may die before or after each call it makes. */

import { describeError } from '../../lambda/common/log.ts'
import type { Runtime } from '../../lambda/common/runtime.ts'
import type { CallFault } from './faults.ts'
import type { World } from './world.ts'

export interface Process extends Runtime {
  name: string
  /** False: it was killed, timed out, or is done. Nothing of it happens any more. */
  alive: boolean
  /** It was killed or ran out of time. */
  died: boolean
  /** Calls that failed, or whose answer did not arrive. */
  troubles: string[]
  timeLeft(): number
  call<T>(call: Call<T>): Promise<T>
}

export interface Call<T> {
  label: () => string
  write: boolean
  /** Done at one instant; throws what the client throws. */
  effect(): T
  /** The client may repeat it when an answer is lost, and gives the answer of the second time. */
  repeats?: boolean
}

export type Ended = { ok: true; value: unknown } | { ok: false; error: string }

const SLOW_MS = 45_000
/** NTP keeps Lambdas together much better. */
const SKEW_MS = 8000

/** Runs `handler` as a process until it ends, dies, or has had `limit` milliseconds; then `ended` is told, once. */
export function startProcess(
  world: World,
  name: string,
  limit: number,
  handler: (process: Process) => Promise<unknown>,
  ended: (end: Ended) => void,
): void {
  const { random, faults, scheduler } = world
  const started = scheduler.now()
  const skew = faults.hit('clock ahead or behind') ? random.int(-SKEW_MS, SKEW_MS) : 0
  const end = (result: Ended) => {
    if (!process.alive) return
    process.alive = false
    ended(result)
  }
  const die = (why: string) => {
    process.died = true
    world.trace(() => `${name} dies ${why}`)
    end({ ok: false, error: why })
    return never()
  }
  const isOver = () => scheduler.now() - started > limit
  const wait = <T>(milliseconds: number, then: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) =>
      scheduler.after(milliseconds, () => {
        if (!process.alive) return
        if (isOver()) void die(`at its time limit of ${limit / 1000} s`)
        else then().then(resolve, reject)
      }),
    )

  function perform<T>(call: Call<T>, fault: CallFault | undefined): Promise<T> {
    if (fault === 'crash before a call') return die(`before ${call.label()}`)
    if (fault === 'call throttled') return fail(call, 'ThrottlingException')
    let value: T
    try {
      value = call.effect()
      if (call.write && call.repeats && faults.hit('write repeated by the SDK')) value = call.effect()
    } catch (error) {
      world.trace(() => `${name} ${call.label()} -> ${describeError(error)}`)
      return Promise.reject(error)
    }
    if (!call.write) return Promise.resolve(value)
    world.trace(() => `${name} ${call.label()}`)
    if (fault === 'crash after a call') return die(`after ${call.label()}`)
    if (faults.hit('answer of a write lost')) return fail(call, 'TimeoutError')
    return Promise.resolve(value)
  }

  function fail<T>(call: Call<T>, error: string): Promise<T> {
    process.troubles.push(call.label())
    world.trace(() => `${name} ${call.label()} -> ${error}`)
    return Promise.reject(Object.assign(new Error(`injected at ${call.label()}`), { name: error }))
  }

  const process: Process = {
    name,
    alive: true,
    died: false,
    troubles: [],
    now: () => new Date(scheduler.now() + skew),
    random: () => random.hex(12),
    log: (message, fields) => world.trace(() => `${name}   "${message}" ${logged(fields)}`),
    sleep: milliseconds => wait(milliseconds, () => Promise.resolve()),
    timeLeft: () => limit - (scheduler.now() - started),
    call(call) {
      if (!process.alive) return never()
      const fault = faults.atCall()
      if (fault === 'slow call') return wait(random.int(1000, SLOW_MS), () => perform(call, undefined))
      if (random.chance(world.pace.between)) return wait(random.around(world.pace.mean), () => perform(call, fault))
      return perform(call, fault)
    },
  }
  world.trace(() => `${name} begins`)
  handler(process).then(
    value => {
      world.trace(() => `${name} ends`)
      end({ ok: true, value })
    },
    error => {
      world.trace(() => `${name} fails: ${describeError(error)}`)
      end({ ok: false, error: describeError(error) })
    },
  )
}

/** What a dead process waits for. Each its own: waiting for one promise for ever would keep all who wait. */
const never = () => new Promise<never>(() => {})

const logged = (fields: object = {}) =>
  Object.entries(fields)
    .map(([name, value]) => `${name}=${value instanceof Error ? describeError(value) : String(value)}`)
    .join(' ')
