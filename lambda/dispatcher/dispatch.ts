/** One dispatcher at a time, by a lease in the table; who comes meanwhile leaves a note for the holder. */
import { fullName } from '../../shared/contract.ts'
import { fieldsOf } from '../../shared/fields.ts'
import type { DispatchRequest, Invoke } from '../common/invoke.ts'
import { type LeaseStore, NOTE } from '../common/store.ts'
import { type DrainDeps, drainLine, type Pace } from './drain.ts'
import { callRunTask } from './start.ts'
import { type Line, makeLine } from './waiting.ts'

export interface DispatchDeps extends DrainDeps {
  store: DrainDeps['store'] & { lease: LeaseStore }
  /** Calls the next dispatcher, when this one's time is over. */
  dispatch: Invoke<DispatchRequest>
  /** Milliseconds that the Lambda has left. */
  timeLeft(): number
}

/** A dispatcher that died holds up others for so long. */
const LEASE_MS = 60_000
const RENEW_MS = 15_000
/** Kept back for calls under way. */
const RESERVE_MS = 20_000
/** A back-off that ends within this time is waited for here; the sweeper comes for the longer ones. */
const WAIT_MS = 60_000
/** By then the index shows what was claimed before; it takes milliseconds, rarely more than a second. */
const INDEX_MS = 2000

/** One dispatcher with the lease. */
interface Session {
  deps: DispatchDeps
  holder: string
  line: Line
  pace: Pace
}

export async function dispatch(deps: DispatchDeps, event: unknown): Promise<void> {
  const { runs, repair } = parseRequest(event)
  for (const id of repair) await repeatCall(deps, id)
  const waitUntil = deps.now().getTime() + WAIT_MS
  const session = { deps, holder: deps.random(), line: makeLine(deps), pace: { next: 0 } }
  for (let hints = runs; ; hints = []) {
    const nextAt = await drainUnderLease(session, hints)
    const wait = nextAt === undefined ? Number.POSITIVE_INFINITY : Math.max(0, Date.parse(nextAt) - deps.now().getTime()) + 100
    if (deps.now().getTime() + wait > waitUntil || wait > deps.timeLeft() - RESERVE_MS) return
    // Without the lease: who comes meanwhile drains by itself.
    await deps.sleep(wait)
  }
}

async function drainUnderLease(session: Session, hints: readonly string[]): Promise<string | undefined> {
  const { deps, holder } = session
  const { lease } = deps.store
  if (!(await acquire(session, hints))) return undefined
  let notes: string[] = [...hints]
  let renewed = 0
  let held = true
  const renew = async () => {
    if (deps.now().getTime() - renewed < RENEW_MS) return
    const taken = await lease.takeNotes(holder, inFuture(deps, LEASE_MS))
    renewed = deps.now().getTime()
    held = taken !== undefined
    notes.push(...(taken ?? []))
  }
  const over = () => deps.timeLeft() <= RESERVE_MS
  const goOn = async () => {
    await renew()
    // Who came meanwhile may go before those who are left of this look.
    return held && notes.length === 0 && !over()
  }
  for (;;) {
    renewed = 0
    await renew()
    if (!held) return undefined
    if (notes.includes(NOTE.more)) await deps.sleep(INDEX_MS)
    const now = notes
    notes = []
    const named = now.filter(note => note !== NOTE.look && note !== NOTE.more)
    const { nextAt, left } = await drainLine(deps, { ...session, hints: named }, goOn)
    if (over() && (left || notes.length > 0)) return handOver(session, notes)
    // Notes that came in while the line was drained are looked at in another turn.
    if (!left && notes.length === 0 && (await lease.release(holder))) return nextAt
    if (over()) return handOver(session, notes)
  }
}

/** Lambda stops functions that call each other in a chain after 16 calls, 75 minutes of these; then the sweeper begins another. */
async function handOver({ deps, holder }: Session, notes: readonly string[]): Promise<undefined> {
  await deps.store.lease.handOver(holder)
  deps.log('the next dispatcher goes on')
  await deps.dispatch({ runs: notes.filter(note => note !== NOTE.look && note !== NOTE.more) })
}

/** False: another holds the lease and has our note. */
async function acquire({ deps, holder }: Session, hints: readonly string[]): Promise<boolean> {
  const { lease } = deps.store
  for (let left = 10; left > 0; left--) {
    const now = deps.now().toISOString()
    if (await lease.acquire(holder, now, inFuture(deps, LEASE_MS))) return true
    if (await lease.leaveNote(hints, now)) return false
  }
  throw new Error('the lease of the dispatcher changed hands 10 times while it was asked for')
}

const inFuture = (deps: DispatchDeps, milliseconds: number) => new Date(deps.now().getTime() + milliseconds).toISOString()

/** The one who stored the call may have died before it made it. */
async function repeatCall(deps: DispatchDeps, id: string): Promise<void> {
  const run = await deps.store.run(id)
  if (run?.status !== 'starting' || run.attempts.at(-1)?.taskArn) return
  deps.log('stored call is repeated', { runId: id, attempt: run.attempts.length })
  const config = await deps.configs.load(run.config)
  await callRunTask(deps, run, config.jobs[fullName(run.project, run.job)]?.startWithinSeconds ?? 0, true)
}

function parseRequest(event: unknown): Required<DispatchRequest> {
  const { runs, repair } = fieldsOf(event)
  const ids = (value: unknown) => (Array.isArray(value) ? value.filter(id => typeof id === 'string') : [])
  return { runs: ids(runs), repair: ids(repair) }
}
