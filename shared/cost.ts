/** What the containers of a run cost, about: Fargate's on-demand list prices of us-east-1, read November 2026. */
import type { EnvironmentConfig } from './config-model.ts'
import type { RunRecord } from './run.ts'

type Architecture = EnvironmentConfig['size']['architecture']

/** US dollars an hour. */
const PRICE: Record<Architecture, { vcpu: number; gigabyte: number }> = {
  arm64: { vcpu: 0.03238, gigabyte: 0.00356 },
  x86_64: { vcpu: 0.04048, gigabyte: 0.004445 },
}
/** AWS bills from the pull of the image, a minute at least. */
const MINIMUM_SECONDS = 60

/**
 * US dollars of all attempts that have ended; Spot is counted at the on-demand price, so the real figure is lower.
 * Undefined when nothing has run.
 */
export function estimateCost(record: RunRecord, architecture: Architecture): number | undefined {
  const price = PRICE[architecture]
  const costs = record.attempts.flatMap(attempt => {
    const end = attempt.stoppedAt ?? record.endedAt
    if (!attempt.taskArn || !end) return []
    const seconds = Math.max(MINIMUM_SECONDS, (Date.parse(end) - Date.parse(attempt.dispatchedAt)) / 1000)
    return [((attempt.cpu / 1024) * price.vcpu + (attempt.memory / 1024) * price.gigabyte) * (seconds / 3600)]
  })
  return costs.length ? costs.reduce((sum, cost) => sum + cost, 0) : undefined
}
