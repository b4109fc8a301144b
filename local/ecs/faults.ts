/** Faults that tests arm on the process-backed ECS. Each counts how often it was injected: a test fails on zero. */
import { z } from 'zod/mini'

const match = z.object({ startedBy: z.optional(z.string()), family: z.optional(z.string()) })

const fault = z.discriminatedUnion('kind', [
  // Answers of RunTask
  z.object({ kind: z.literal('capacity') }),
  z.object({ kind: z.literal('throttling') }),
  z.object({ kind: z.literal('refuse'), code: z.string(), message: z.string() }),
  /** The task starts, the answer never arrives. */
  z.object({ kind: z.literal('lost-answer') }),
  // Starts that fail after RunTask said yes
  z.object({ kind: z.literal('image'), message: z.optional(z.string()) }),
  z.object({ kind: z.literal('secret') }),
  z.object({ kind: z.literal('network') }),
  // Life of the task; seconds count from RUNNING
  z.object({ kind: z.literal('out-of-memory'), afterSeconds: z._default(z.number(), 0) }),
  z.object({ kind: z.literal('spot'), afterSeconds: z._default(z.number(), 0), noticeSeconds: z._default(z.number(), 120) }),
  z.object({ kind: z.literal('lost-host'), afterSeconds: z._default(z.number(), 0) }),
  /** The task dies without an event, and ECS does not know it any more. */
  z.object({ kind: z.literal('forget'), afterSeconds: z._default(z.number(), 0) }),
  /** Nobody reads stdout and stderr for so long. */
  z.object({ kind: z.literal('stalled-output'), seconds: z.number() }),
  // Events; `status` names which, absent: all of the task
  z.object({ kind: z.literal('duplicate-events'), times: z._default(z.number(), 2), status: z.optional(z.string()) }),
  z.object({ kind: z.literal('drop-events'), status: z.optional(z.string()) }),
  /** RUNNING arrives after STOPPED. */
  z.object({ kind: z.literal('reorder-events') }),
])
export type Fault = z.infer<typeof fault>
export type FaultKind = Fault['kind']
type FaultOf<K extends FaultKind> = Extract<Fault, { kind: K }>

/** Faults that end a running task. */
export const ENDINGS = ['out-of-memory', 'spot', 'lost-host', 'forget'] as const
export type Ending = FaultOf<(typeof ENDINGS)[number]>

const request = z.object({
  /** How many tasks or calls it meets. */
  count: z._default(z.number(), 1),
  match: z._default(match, {}),
  fault,
})

/** What a fault is matched against. */
export interface Subject {
  startedBy?: string | undefined
  family: string
}

export interface ArmedFault<F extends Fault = Fault> {
  id: number
  fault: F
  match: z.infer<typeof match>
  left: number
  injected: number
}

export interface Faults {
  /** Arms what the body of `POST /_faults` says. Throws on a body that is none. */
  arm(body: unknown): ArmedFault
  list(): ArmedFault[]
  clear(): void
  /** The next armed fault of this kind that matches, counted as injected; undefined: none. */
  take<K extends FaultKind>(kind: K, subject: Subject): FaultOf<K> | undefined
  /** The same for one that is injected later, if at all: whoever does it adds to `injected`. */
  reserve<K extends FaultKind>(kind: K, subject: Subject): ArmedFault<FaultOf<K>> | undefined
}

export function createFaults(): Faults {
  const armed: ArmedFault[] = []
  const reserve = <K extends FaultKind>(kind: K, subject: Subject) => {
    const entry = armed.find(
      ({ fault, match, left }) =>
        left > 0 &&
        fault.kind === kind &&
        (match.startedBy === undefined || match.startedBy === subject.startedBy) &&
        (match.family === undefined || match.family === subject.family),
    )
    if (entry) entry.left -= 1
    return entry as ArmedFault<FaultOf<K>> | undefined
  }
  return {
    arm(body) {
      const { count, match, fault } = request.parse(body)
      const entry = { id: armed.length + 1, fault, match, left: count, injected: 0 }
      armed.push(entry)
      return entry
    },
    list: () => armed,
    clear: () => {
      armed.length = 0
    },
    reserve,
    take(kind, subject) {
      const entry = reserve(kind, subject)
      if (entry) entry.injected += 1
      return entry?.fault
    },
  }
}
