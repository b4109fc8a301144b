/** What the containers of a run cost, about: on-demand list prices (fargate.ts). */
import type { EnvironmentConfig } from './config-model.ts'
import { taskCost } from './fargate.ts'
import type { Attempt, RunRecord } from './run.ts'

/** Seconds from the call for the container to its stop, and USD; undefined while it goes on, or when there never was one. */
export function attemptCost(
  record: Pick<RunRecord, 'endedAt'>,
  attempt: Attempt,
  size: Pick<EnvironmentConfig['size'], 'architecture' | 'disk'>,
): { seconds: number; usd: number } | undefined {
  const end = attempt.stoppedAt ?? record.endedAt
  if (!attempt.taskArn || !end) return undefined
  // Clocks of Lambdas and ECS differ.
  const seconds = Math.max(0, (Date.parse(end) - Date.parse(attempt.dispatchedAt)) / 1000)
  const { cpu, memory, architecture = size.architecture } = attempt
  return { seconds, usd: taskCost({ cpu, memory, architecture, disk: size.disk, seconds }) }
}

/** USD of all attempts that have ended; undefined when none was started. Spot costs less than this says. */
export function estimateCost(record: RunRecord, size: EnvironmentConfig['size']): number | undefined {
  const costs = record.attempts.flatMap(attempt => attemptCost(record, attempt, size)?.usd ?? [])
  return costs.length ? costs.reduce((sum, cost) => sum + cost, 0) : undefined
}
