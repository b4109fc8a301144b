/** Lambda's queue of asynchronous invocations: at least once, two more tries after a failure, then the dead letters. */
import type { DeadLetter } from '../../lambda/common/dead-letters.ts'
import { type Ended, type Process, startProcess } from './process.ts'
import type { World } from './world.ts'

/** What the stack sets for each function, seconds (lib/constructs/functions.ts). */
export const FUNCTIONS = {
  launcher: { limit: 30, eventAge: 6 * 3600 },
  dispatcher: { limit: 300, eventAge: 600 },
  finisher: { limit: 300, eventAge: 6 * 3600 },
  notifier: { limit: 120, eventAge: 3600 },
  sweeper: { limit: 280, eventAge: 300 },
} as const
export type FunctionName = keyof typeof FUNCTIONS
export type Handlers = Record<FunctionName, (process: Process, event: unknown) => Promise<unknown>>

export interface Queue {
  /** As Lambda takes an event: durably, mostly. */
  invoke(name: FunctionName, event: unknown): void
  letters: DeadLetter[]
  /** Events that are waiting or being worked on. */
  busy(): number
}

const RETRY_MS = [60_000, 120_000]

export function makeQueue(world: World, handlers: Handlers): Queue {
  const { random, faults, scheduler } = world
  const letters: DeadLetter[] = []
  let busy = 0
  let numbers = 0

  const deliver = (name: FunctionName, event: unknown, since: number, tries: number, wait: number) => {
    busy++
    scheduler.after(wait, () => {
      const { limit, eventAge } = FUNCTIONS[name]
      const over = (end: Ended) => {
        busy--
        if (end.ok) return
        const pause = RETRY_MS[tries]
        const inTime = scheduler.now() + (pause ?? 0) - since <= eventAge * 1000
        if (pause !== undefined && inTime) return deliver(name, event, since, tries + 1, random.around(pause))
        world.trace(() => `${name} is given up: a dead letter`)
        letters.push(makeLetter(name, event, end.error))
      }
      const id = `${name} ${++numbers}`
      world.trace(() => `-> ${id} ${JSON.stringify(event).slice(0, 300)}`)
      startProcess(world, id, limit * 1000, process => handlers[name](process, event), over)
    })
  }
  const makeLetter = (name: FunctionName, event: unknown, error: string): DeadLetter => ({
    id: `letter-${++numbers}`,
    receipt: `receipt-${numbers}`,
    body: JSON.stringify({
      requestContext: { functionArn: `arn:aws:lambda:eu-central-1:111122223333:function:tidemill-${name}` },
      requestPayload: event,
      responsePayload: { errorMessage: error },
    }),
  })

  return {
    letters,
    busy: () => busy,
    invoke(name, event) {
      // Through JSON, as on the wire.
      const payload: unknown = JSON.parse(JSON.stringify(event))
      const now = scheduler.now()
      const latency = random.around(150)
      if (faults.hit('invocation lost')) return world.trace(() => `!! invocation of ${name} is lost ${JSON.stringify(event)}`)
      deliver(name, payload, now, 0, faults.hit('invocation late') ? latency + random.around(4 * 60_000) : latency)
      if (faults.hit('invocation twice')) deliver(name, payload, now, 0, random.pick([latency, random.around(60_000)]))
    },
  }
}
