/** What will become of a task, drawn when it is made. */

import type { RunnerResult } from '../../shared/plan.ts'
import type { Reason } from '../../shared/reason-labels.ts'
import { type FakeTask, stopOf } from '../fakes/ecs.ts'
import { OWNER } from './jobs.ts'
import type { World } from './world.ts'

export interface Report {
  outcome: RunnerResult['outcome']
  reason?: Reason
  /** Of each node that failed. */
  owners?: string[]
}
export interface Fate {
  /** Milliseconds until it runs, and then until it is done. */
  comesUp: number
  takes: number
  /** How it stops without ever having run. */
  neverStarts?: Partial<FakeTask>
  /** Never ends by itself. */
  hangs?: boolean
  /** ECS forgets it, without an event. */
  vanishes?: boolean
  /** What its runner stores; none: it was killed before. */
  report?: Report
  end: Partial<FakeTask>
}

const MINUTE = 60_000

export function fateOf({ random, faults }: World, taskMs: number): Fate {
  const comesUp = 20_000 + random.next() * 50_000
  const takes = 5000 + random.around(taskMs)
  const killed = (end: Partial<FakeTask>): Fate => ({ comesUp, takes: random.next() * takes, end })
  const failedStart = (reason: string) => ({
    comesUp,
    takes,
    end: {},
    neverStarts: stopOf(undefined, { stopCode: 'TaskFailedToStart', stoppedReason: reason }, reason),
  })
  if (faults.hit('task does not come up')) return failedStart('ResourceInitializationError: dial tcp: i/o timeout')
  if (faults.hit('image missing')) return failedStart('CannotPullContainerError: image not found: manifest unknown')
  if (faults.hit('task starts slowly')) return { ...plain(comesUp + random.around(30 * MINUTE)) }
  if (faults.hit('task killed for memory'))
    return killed(stopOf(137, {}, 'OutOfMemoryError: Container killed due to memory usage'))
  if (faults.hit('Spot capacity taken'))
    return killed(stopOf(143, { stopCode: 'SpotInterruption', stoppedReason: 'Your Spot Task was interrupted.' }))
  if (faults.hit('host fails'))
    return killed(stopOf(undefined, { stopCode: 'InfrastructureHealth', stoppedReason: 'Host failed.' }))
  if (faults.hit('task vanishes')) return { ...plain(comesUp), vanishes: true }
  if (faults.hit('task hangs')) return { ...plain(comesUp), hangs: true }
  if (faults.hit('result missing')) return killed(stopOf(0))
  if (faults.hit('result contradicts the exit code')) return { ...plain(comesUp), report: { outcome: 'success' }, end: stopOf(1) }
  return plain(comesUp)

  function plain(up: number): Fate {
    const outcome = random.pick(['success', 'success', 'success', 'warn', 'error'] as const)
    const reason =
      outcome === 'error' ? random.pick(['node_failures', 'test_failures', 'deps_failed', 'parse_error'] as const) : undefined
    const owners =
      reason === 'node_failures' || reason === 'test_failures' ? random.pick([[OWNER], [OWNER, 'core'], ['core'], []]) : []
    return {
      comesUp: up,
      takes,
      report: { outcome, ...(reason && { reason }), owners },
      end: stopOf(outcome === 'error' ? 1 : 0),
    }
  }
}
