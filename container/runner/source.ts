/** Brings the repository: from its host, or, where the environment allows it, from the cache while the host is down. */
import { join } from 'node:path'
import type { PlanStep } from '../../shared/plan.ts'
import type { AttemptState } from './attempt-step.ts'
import { type Checkout, checkout } from './checkout.ts'
import { StepFailure } from './failure.ts'
import { openGit } from './git.ts'
import { keepCommit, restoreCommit } from './git-cache.ts'
import { wait } from './stop.ts'

export interface Source extends Checkout {
  /** Why the run has an older commit than it might: a warning. */
  warning?: string
}

export async function bringSource(step: PlanStep, state: AttemptState): Promise<Source> {
  const { plan, folders, stop, log, all, credentials, now, cache } = state
  const opened = await openGit({ plan, all, home: folders.gitHome, secrets: state.gitSecrets, credentials, now, stop })
  const deps = {
    git: opened.git,
    wait: (milliseconds: number) => wait(milliseconds, stop),
    stopped: () => stop.aborted,
    say: (text: string) => log.info(step.index, text),
  }
  const place = { repository: plan.repository, cache, workDir: join(folders.root, 'git-cache') }
  try {
    const source = await checkout(opened.repository, folders.clone, deps)
    await keepCommit(place, source.commit.sha, folders.clone, now(), deps)
    return source
  } catch (error) {
    const outage = error instanceof StepFailure && error.failure.reason === 'source_unavailable' && !stop.aborted
    const kept = outage ? await restoreCommit(place, folders.clone, deps) : undefined
    if (!kept) throw error
    const { sha } = kept.commit
    const warning = `The last commit known here, ${sha.slice(0, 7)}, brought at ${kept.keptAt.slice(0, 16)}Z, was run instead of the newest. ${(error as StepFailure).message}`
    return { commit: kept.commit, projectDir: kept.projectDir, warning }
  } finally {
    // With key and token, before anything of the repository runs.
    await opened.close()
  }
}
