/** The built-in step that installs packages: from the cache where that is the same, by `dbt deps`, or from the cache when that fails. */
import { join } from 'node:path'
import type { PlanStep } from '../../shared/plan.ts'
import type { StepResult } from '../../shared/run.ts'
import type { AttemptState } from './attempt-step.ts'
import { wordsOf } from './dbt-command.ts'
import { plainDbt } from './dbt-host.ts'
import { type DbtStepEnd, runDbtStep } from './dbt-step.ts'
import { openGit } from './git.ts'
import { hasPackages, openPackages } from './packages.ts'

/** Undefined: there was nothing for dbt to do, and `result` says so. */
export async function runDepsStep(
  step: PlanStep,
  result: StepResult,
  projectDir: string,
  state: AttemptState,
): Promise<DbtStepEnd | undefined> {
  if (!hasPackages(projectDir)) {
    Object.assign(result, { status: 'skipped', message: 'The project has no packages.yml.' })
    return undefined
  }
  const { plan, cache, all, stop, folders } = state
  const workDir = join(folders.root, 'packages')
  const packages = await openPackages({ projectDir, engine: plan.dbt.engine, cache, workDir, all, stop })
  if (await packages.reuse()) {
    Object.assign(result, { status: 'success', message: 'Packages of the pinned lock file, from the cache.' })
    return undefined
  }
  const end = packages.fromGit ? await withGit(step, projectDir, state) : await runDbtStep(step, wordsOf(step), projectDir, state)
  const { failure } = end.verdict
  if (!failure) await packages.keep()
  else if (failure.reason === 'deps_failed' && (await packages.fallBack())) {
    const message = `Packages that an earlier run had installed for the same packages.yml were used. ${failure.message}`
    end.verdict = { ...end.verdict, status: 'warn', message }
    delete end.verdict.failure
  }
  return end
}

/**
 * Packages from git repositories: git gets the project's own access, for the project's own host. The token or key is on the disk
 * while `dbt deps` runs, which executes nothing of the repository, and in no environment, where a template could read it.
 */
async function withGit(step: PlanStep, projectDir: string, state: AttemptState): Promise<DbtStepEnd> {
  const { plan, folders, all, credentials, now, stop } = state
  // CodeCommit signs one repository at a time, and dbt asks for another.
  const access = plan.repository.credentials === 'codecommit' ? ('none' as const) : plan.repository.credentials
  const own = { ...plan, repository: { ...plan.repository, credentials: access } }
  const git = await openGit({ plan: own, all, home: folders.gitHome, secrets: state.gitSecrets, credentials, now, stop })
  try {
    const settings = { ...plan, variables: { ...plan.variables, ...git.settings } }
    return await runDbtStep(step, wordsOf(step), projectDir, { ...state, dbt: plainDbt, plan: settings })
  } finally {
    await git.close()
  }
}
