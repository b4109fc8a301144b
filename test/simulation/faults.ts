/** The faults that the simulation injects, how often, and how often it did. */
import { makeRandom } from './random.ts'

/** Kind to its usual probability at each place where it can happen. */
export const FAULTS = {
  // A process: one invocation of a Lambda.
  'crash before a call': 0.002,
  'crash after a call': 0.003,
  'slow call': 0.002,
  'clock ahead or behind': 0.5,
  'call throttled': 0.002,
  'answer of a write lost': 0.004,
  'write repeated by the SDK': 0.004,
  'transaction conflict': 0.006,
  'index is behind': 0.2,
  'bucket refuses': 0.008,
  // Deliveries.
  'invocation lost': 0.03,
  'invocation twice': 0.05,
  'invocation late': 0.04,
  'event lost': 0.06,
  'event twice': 0.08,
  'event late': 0.06,
  'firing lost': 0.05,
  'firing twice': 0.06,
  'firing late': 0.1,
  'firing to the dead letters': 0.06,
  'sweep lost': 0.2,
  // Starts.
  'no capacity': 0.06,
  'start throttled': 0.1,
  'start refused': 0.02,
  'answer of a start lost': 0.1,
  'start not made': 0.04,
  'task not listed yet': 0.5,
  // Tasks.
  'task does not come up': 0.05,
  'image missing': 0.03,
  'task starts slowly': 0.02,
  'task killed for memory': 0.05,
  'Spot capacity taken': 0.04,
  'host fails': 0.045,
  'task vanishes': 0.03,
  'task hangs': 0.03,
  'result missing': 0.04,
  'result contradicts the exit code': 0.04,
  // Messages.
  'receiver answers 429': 0.06,
  'receiver answers 500': 0.06,
  'receiver times out after it took the message': 0.03,
  'receiver is gone': 0.03,
} as const
export type Fault = keyof typeof FAULTS
export const FAULT_KINDS = Object.keys(FAULTS) as Fault[]

/** Those that can happen at each call of a process, of which there are very many. */
const AT_CALLS = ['crash before a call', 'crash after a call', 'slow call', 'call throttled'] as const satisfies Fault[]
export type CallFault = (typeof AT_CALLS)[number]

export interface Faults {
  /** Whether the fault happens here and now. */
  hit(kind: Fault): boolean
  /** What happens to a call, if anything: at most one of these. */
  atCall(): CallFault | undefined
  /** From now on nothing fails any more. */
  stop(): void
  counts: Map<Fault, number>
  /** Name of each fault that happened, in order: kind and number of the place. */
  happened: string[]
}

/** `only`: of the places, those named; for a smaller case of a seed. */
export function makeFaults(seed: number, only?: ReadonlySet<string>): Faults {
  const random = makeRandom(seed)
  // Some simulations are rough in a few ways and smooth in others: that reaches deeper than all of everything.
  const rates = new Map(FAULT_KINDS.map(kind => [kind, FAULTS[kind] * random.pick([0, 0.3, 1, 1, 3])]))
  const atCalls = AT_CALLS.reduce((sum, kind) => sum + (rates.get(kind) ?? 0), 0)
  const places = new Map<string, number>()
  const counts = new Map<Fault, number>()
  const happened: string[] = []
  let calls = 0
  let stopped = false
  const happens = (kind: Fault, place: number): boolean => {
    const name = `${kind} ${place}`
    if (only && !only.has(name)) return false
    happened.push(name)
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
    return true
  }
  return {
    counts,
    happened,
    hit(kind) {
      if (stopped) return false
      const place = (places.get(kind) ?? 0) + 1
      places.set(kind, place)
      return random.chance(rates.get(kind) ?? 0) && happens(kind, place)
    },
    atCall() {
      if (stopped) return undefined
      calls++
      let drawn = random.next()
      if (drawn >= atCalls) return undefined
      const kind = AT_CALLS.find(each => {
        drawn -= rates.get(each) ?? 0
        return drawn < 0
      })
      return kind && happens(kind, calls) ? kind : undefined
    },
    stop() {
      stopped = true
    },
  }
}
