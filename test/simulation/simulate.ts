/** One simulation: a workload under faults, then quiet, then everything has to be settled. */
import { makeMemoryTable } from '../fakes/memory-table.ts'
import { checkEnd } from './end.ts'
import { type Fault, makeFaults } from './faults.ts'
import { makeService } from './functions.ts'
import { makeWatch } from './invariants.ts'
import { withNodeOf } from './node.ts'
import { makeActor } from './people.ts'
import { makeQueue } from './queue.ts'
import { makeRandom } from './random.ts'
import { makeReceivers } from './receivers.ts'
import { writeReport } from './report.ts'
import { makeScheduler } from './scheduler.ts'
import { type Seen, whatWasSeen } from './seen.ts'
import { makeStorage } from './storage.ts'
import { isAlive, makeTasks } from './tasks.ts'
import { BUSY_MS, makeWorkload, START } from './workload.ts'
import type { World } from './world.ts'

export interface Case {
  seed: number
  /** Of the faults of the seed only these; of its actions only these, by number. */
  faults?: ReadonlySet<string>
  actions?: ReadonlySet<number>
  trace?: (line: string) => void
}
export interface Outcome {
  seed: number
  runs: number
  faults: Map<Fault, number>
  seen: Map<Seen, number>
  /** Names of the faults and numbers of the actions that took part. */
  happened: string[]
  actions: number[]
  /** The first rule that was broken, and how. */
  broken?: { rule: string; details: string }
}

const SWEEP_MS = 5 * 60_000
/** Deployed so long before the first firing: the schedules count although no turn of the sweeper came through. */
const DEPLOYED_MS = 7 * SWEEP_MS
/** Turns of the sweeper after the last fault within which everything is settled: 8 hours. */
const QUIET_TURNS = 96

class Violation extends Error {}

export async function simulate({ seed, faults: only, actions: wanted, trace }: Case): Promise<Outcome> {
  const random = makeRandom(seed)
  const faults = makeFaults(seed + 0x5eed, only)
  const scheduler = makeScheduler(START - DEPLOYED_MS)
  let broken: Outcome['broken']
  const table = makeMemoryTable({
    wrote: (...change) => watch.wrote(...change),
    index: update => (faults.hit('index is behind') ? scheduler.after(random.around(20_000), update) : update()),
  })
  const stamp = () => new Date(scheduler.now()).toISOString().slice(11, 23)
  const world: World = {
    random,
    faults,
    scheduler,
    table,
    pace: { mean: random.pick([10, 300, 3000]), between: random.pick([0.05, 0.3, 0.7]) },
    trace: line => trace?.(`${stamp()} ${line()}`),
    violate(rule, details) {
      broken ??= { rule, details }
      trace?.(`${stamp()} BROKEN: ${rule}: ${details}`)
    },
  }
  const { config, actions, taskMs } = makeWorkload(random)
  const watch = makeWatch(world, config)
  const storage = makeStorage(world)
  const tasks = makeTasks(world, taskMs, {
    event: event => deliverEvent(event),
    report: (task, report) => writeReport(world, storage, task, report),
    made: task => watch.made(task, tasks.all),
  })
  const receivers = makeReceivers(world)
  const service = makeService(world, storage, tasks, receivers)
  const queue = makeQueue(world, service.handlers)
  service.connect(queue)
  service.deploy(config, true)
  const actor = makeActor(world, service, queue, watch)

  function deliverEvent(event: object): void {
    const { detail } = event as { detail: { lastStatus: string } }
    if (detail.lastStatus !== 'RUNNING' && detail.lastStatus !== 'STOPPED') return
    const latency = () => (faults.hit('event late') ? random.around(15 * 60_000) : random.around(1000))
    const send = () => scheduler.after(latency(), () => queue.invoke('finisher', event))
    if (!faults.hit('event lost')) send()
    for (let copies = faults.hit('event twice') ? random.int(1, 4) : 0; copies > 0; copies--) send()
  }
  function sweepEvery(): void {
    if (!faults.hit('sweep lost')) queue.invoke('sweeper', {})
    scheduler.after(SWEEP_MS, sweepEvery)
  }
  const check = () => {
    watch.settle()
    if (broken) throw new Violation()
  }
  const isSettled = () =>
    queue.busy() === 0 &&
    queue.letters.length === 0 &&
    !tasks.all.some(isAlive) &&
    ![...table.items.values()].some(item => item.openSort !== undefined)

  const taken = actions.map((_, index) => index).filter(index => !wanted || wanted.has(index))
  await withNodeOf(scheduler, async () => {
    try {
      sweepEvery()
      for (const index of taken) {
        const action = actions[index]
        if (action) scheduler.after(action.at - scheduler.now(), () => actor.perform(action))
      }
      await scheduler.run(START + BUSY_MS, check)
      faults.stop()
      // Firings may be missed until then. Not at the moment of a sweep, when something is always under way.
      await scheduler.run(START + BUSY_MS + 9.8 * SWEEP_MS, check)
      for (let turn = 0; turn < QUIET_TURNS && !isSettled(); turn++) await scheduler.run(scheduler.now() + SWEEP_MS, check)
      checkEnd({ world, watch, queue, tasks, receivers, actor, config, actions: taken.flatMap(index => actions[index] ?? []) })
    } catch (error) {
      if (!(error instanceof Violation)) throw error
    }
  })
  return {
    seed,
    runs: watch.runs.size,
    faults: faults.counts,
    seen: whatWasSeen(table.items, watch),
    happened: faults.happened,
    actions: taken,
    ...(broken && { broken }),
  }
}
