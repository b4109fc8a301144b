import type { JobConfig } from '../../shared/config-model.ts'
import type { RunRecord } from '../../shared/run.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { configOf, hashOf, jobOf, requested, runId, runOf } from '../fakes/records.ts'

export async function withRuns(runs: RunRecord[], jobs: Partial<JobConfig>[] = [{}], environment = {}): Promise<FakeCloud> {
  const config = configOf(jobs.map(jobOf), environment)
  const cloud = makeCloud(config)
  for (const run of runs) await cloud.store.claim({ ...run, config: hashOf(config) })
  return cloud
}
export const request = (number: number, over: Partial<RunRecord> = {}) => {
  const cause = requested(`key-${number}`)
  return runOf(number, { cause, causeString: `request ${number}`, ...over })
}
export const states = async (cloud: FakeCloud, ...numbers: number[]) =>
  Promise.all(
    numbers.map(async number => cloud.run(runId(number)).then(run => [run.status, run.reason].filter(Boolean).join('/'))),
  )
