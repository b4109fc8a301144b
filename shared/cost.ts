/** What the containers of a run cost, about: on-demand list prices (fargate.ts). */
import type { EnvironmentConfig } from './config-model.ts'
import { taskCost } from './fargate.ts'
import type { RunRecord } from './run.ts'

/** USD of all attempts that have ended; undefined when none was started. Spot costs less than this says. */
export function estimateCost(record: RunRecord, size: EnvironmentConfig['size']): number | undefined {
  const costs = record.attempts.flatMap(attempt => {
    const end = attempt.stoppedAt ?? record.endedAt
    if (!attempt.taskArn || !end) return []
    const seconds = (Date.parse(end) - Date.parse(attempt.dispatchedAt)) / 1000
    return [
      taskCost({
        cpu: attempt.cpu,
        memory: attempt.memory,
        architecture: attempt.architecture ?? size.architecture,
        disk: size.disk,
        seconds,
      }),
    ]
  })
  return costs.length ? costs.reduce((sum, cost) => sum + cost, 0) : undefined
}
