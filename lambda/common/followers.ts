/** The effect `downstream`: the jobs that run after this one, by the configuration in force now. */
import type { UpstreamCause } from '../../shared/cause.ts'
import { upstreamsOf } from '../../shared/config-after.ts'
import type { JobConfig } from '../../shared/config-model.ts'
import { fullName } from '../../shared/contract.ts'
import { isFinal, type RunRecord } from '../../shared/run.ts'
import { type ClaimDeps, claimRun } from './claim.ts'
import type { Configs } from './config.ts'
import { causeOfSet, counts, NO_ENDS, noteEnd } from './fan-in.ts'
import type { DispatchRequest, Invoke } from './invoke.ts'
import type { FanInState, Store } from './store.ts'

export interface FollowerDeps extends ClaimDeps {
  store: ClaimDeps['store'] & Pick<Store, 'fanIn' | 'putFanIn'>
  configs: Configs
  dispatch: Invoke<DispatchRequest>
}

export async function claimFollowers(deps: FollowerDeps, run: RunRecord): Promise<void> {
  if (!isFinal(run.status)) return
  const { status } = run
  const job = fullName(run.project, run.job)
  const { jobs } = await deps.configs.load(deps.configs.current)
  const claimed: string[] = []
  for (const follower of Object.values(jobs)) {
    const upstreams = upstreamsOf(follower)
    if (!upstreams?.jobs.includes(job) || !counts(upstreams, run)) continue
    if (follower.afterAll) claimed.push(...(await claimAfterAll(deps, follower, run)))
    else if (upstreams.status.includes(status))
      claimed.push(await claimOne(deps, follower, { kind: 'upstream', run: run.id, job, status }))
  }
  if (claimed.length) await deps.dispatch({ runs: claimed })
}

async function claimOne(deps: FollowerDeps, follower: JobConfig, cause: UpstreamCause): Promise<string> {
  return (await claimRun(deps, { job: follower, config: deps.configs.current, cause })).run.id
}

/** Writes of others between a look and a write; each of them is somebody's progress. */
const MAX_TRIES = 100

/**
 * Notes the end, and claims every start that is decided: the write that completes a set also takes its runs out, so that
 * one set makes one start, and whoever comes next claims it should this one die before.
 */
async function claimAfterAll(deps: FollowerDeps, follower: JobConfig, run: RunRecord): Promise<string[]> {
  const name = fullName(follower.project, follower.name)
  const upstreams = upstreamsOf(follower)
  if (!upstreams || !isFinal(run.status)) return []
  const end = { run: run.id, job: fullName(run.project, run.job), status: run.status, endedAt: run.endedAt ?? run.claimedAt }
  const { due } = await change(deps, name, state => noteEnd(state, upstreams, end))
  const claimed: string[] = []
  for (const set of due) {
    claimed.push(await claimOne(deps, follower, causeOfSet(set)))
    deps.log('starts after all of several', { job: name, runs: set.map(each => each.run) })
  }
  const key = (set: FanInState['due'][number]) => set.map(each => each.run).join()
  const done = new Set(due.map(key))
  if (due.length)
    await change(deps, name, state =>
      state.due.some(set => done.has(key(set)))
        ? { ...state, version: state.version + 1, due: state.due.filter(set => !done.has(key(set))) }
        : undefined,
    )
  return claimed
}

/** The state after the change, or as it is when there is nothing to change. */
async function change(deps: FollowerDeps, job: string, next: (state: FanInState) => FanInState | undefined): Promise<FanInState> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const state = (await deps.store.fanIn(job)) ?? NO_ENDS
    const changed = next(state)
    if (!changed) return state
    if (await deps.store.putFanIn(job, changed)) return changed
  }
  throw new Error(`what ${job} waits for was changed by others ${MAX_TRIES} times in a row`)
}
