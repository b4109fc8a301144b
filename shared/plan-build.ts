/** The plan of an attempt, from configuration and run alone: the same attempt always gives the same plan. */
import type { JobConfig, StepConfig } from './config-model.ts'
import { KEY, type RunPlace, SCHEMA_VERSION } from './contract.ts'
import { parseDbtCommand, stepNames, withDefaultVars, withOverrides } from './dbt-command.ts'
import { UserError } from './errors.ts'
import type { Plan, PlanStep } from './plan.ts'
import type { RunOverrides, RunRecord, StepKind } from './run.ts'
import { runEnvironment, runVars } from './run-facts.ts'
import { type RunSettings, resumeOf, secondsLeft } from './run-settings.ts'

/** `memory`: of the task, MiB. */
export function buildPlan({ project, environment, job }: RunSettings, run: RunRecord, attempt: number, memory: number): Plan {
  const resume = resumeOf(run, attempt)
  const commit = resume?.commit ?? run.overrides?.commit ?? (run.cause.kind === 'commit' ? run.cause.sha : undefined)
  const branch = run.overrides?.branch ?? environment.branch
  const place: RunPlace = { project: run.project, environment: run.environment, job: run.job, id: run.id }
  return {
    schemaVersion: SCHEMA_VERSION,
    run: place,
    attempt,
    cause: run.cause,
    repository: {
      url: project.repository,
      folder: project.folder,
      branch,
      ...(commit && { commit }),
      credentials: project.credentials.kind,
      ...('secret' in project.credentials && { secret: project.credentials.secret.name }),
      submodules: project.submodules,
      // Configurations stored by the version before have neither.
      ...(project.knownHosts?.length && { knownHosts: project.knownHosts }),
      ...(environment.onGitOutage === 'last_commit' && { onOutage: environment.onGitOutage }),
    },
    dbt: {
      engine: environment.dbt.engine,
      ...(environment.target !== null && { target: environment.target }),
      ...(environment.profiles !== null && { profiles: environment.profiles }),
    },
    variables: { ...environment.variables, ...runEnvironment({ run, job, branch }, attempt) },
    secrets: Object.keys(environment.secrets),
    passAwsCredentials: environment.awsCredentials,
    steps: buildSteps(job, run.overrides ?? {}, runVars({ run, job, branch })),
    timeoutSeconds: secondsLeft(job, run, attempt),
    memory,
    prefixes: {
      attempt: KEY.attempt(place, attempt),
      cache: KEY.cache(run.project, run.environment),
      docs: KEY.docs(run.project, run.environment, run.id, attempt),
    },
    ...(job.state === 'production' && {
      state: {
        prefix: KEY.state(run.project, run.environment),
        pointer: KEY.statePointer(run.project, run.environment),
      },
    }),
    ...(resume && !resume.fresh && { resume: { key: resume.key, sha256: resume.sha256 } }),
  }
}

/** `vars`: of the job; those of a step itself and of the request are stronger. */
function buildSteps(job: JobConfig, overrides: RunOverrides, vars: Record<string, unknown>): PlanStep[] {
  const dbt = overrideSteps(job.steps, overrides, vars)
  // They parse the project as well, and dbt parses anew when variables differ from those of the step before.
  const looks = (args: string[]) => withOverrides(args, { vars: { ...vars, ...overrides.vars } })
  const steps = [
    planStep('checkout', 'checkout', [], true),
    job.deps && planStep('deps', 'deps', ['deps'], true),
    job.freshness !== 'off' && planStep('freshness', 'freshness', looks(['source', 'freshness']), job.freshness === 'fail'),
    ...dbt.map(step => planStep(step.name, 'dbt', step.args, true)),
    job.docs &&
      planStep('docs', 'docs', looks(['docs', 'generate', ...(job.docsStatic ? ['--static'] : [])]), job.docsRequired ?? false),
  ].filter(step => step !== false)
  return steps.map((step, index) => ({ index, ...step }))
}

const planStep = (name: string, kind: StepKind, args: string[], required: boolean) => ({ name, kind, args, required })

/** Steps of a run: the job's, or those of the request, with the flags of the request. Throws {@link UserError}. */
export function overrideSteps(
  steps: readonly StepConfig[],
  overrides: RunOverrides,
  vars: Record<string, unknown> = {},
): StepConfig[] {
  const chosen = overrides.steps ? parseSteps(overrides.steps) : steps
  return chosen.map(step => ({ name: step.name, args: withOverrides(withDefaultVars(step.args, vars), overrides) }))
}

function parseSteps(lines: readonly string[]): StepConfig[] {
  const commands = lines.map((line, index) => {
    const command = parseDbtCommand(line)
    if ('refused' in command) throw new UserError(`step ${index + 1}, "${line.slice(0, 200)}": ${command.refused}`)
    return command
  })
  const names = stepNames(commands.map(command => command.command))
  return commands.map((command, index) => ({ name: names[index] ?? command.command, args: command.args }))
}
