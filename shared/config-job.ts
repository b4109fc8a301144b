/** A job from what the user wrote: schedules, steps, notifications, all complete. */
import type { JobConfig, ScheduleConfig } from './config-model.ts'
import { type ChannelSetup, resolveRules } from './config-notify.ts'
import type { Section } from './config-read.ts'
import type { Findings } from './config-resolve.ts'
import type { JobSpec } from './config-schema-job.ts'
import { resolveTriggers, resolveVars } from './config-trigger.ts'
import { fullName } from './contract.ts'
import { onlyLooks, stepNames } from './dbt-command.ts'
import type { NotifyRule } from './notify.ts'
import { isRefusal } from './refusal.ts'
import { deployCron } from './schedule.ts'
import { cronOfInterval } from './schedule-names.ts'

/** `rules`: who is told where the job has no rules of its own. `publishes` is settled when all jobs of the environment are known; `after` when all jobs are. */
export function resolveJob(
  section: Section,
  project: string,
  name: string,
  spec: JobSpec,
  { setup, rules }: { setup: ChannelSetup; rules: NotifyRule[] },
  findings: Findings,
): JobConfig {
  return {
    project,
    name,
    environment: spec.environment,
    description: spec.description,
    schedules: resolveSchedules(section, project, name, spec, findings),
    ...resolveAfter(project, spec.after),
    triggers: resolveTriggers(section, name, spec, findings),
    vars: resolveVars(section, name, spec, findings),
    steps: resolveSteps(section, name, spec, findings),
    deps: spec.deps,
    freshness: spec.freshness === true ? 'warn' : spec.freshness === false ? 'off' : spec.freshness,
    docs: spec.docs !== false,
    docsStatic: spec.docs === 'static',
    docsRequired: spec.docs_required,
    state: spec.state ?? 'off',
    publishes: [],
    timeoutSeconds: spec.timeout,
    startWithinSeconds: spec.start_within,
    overlap: spec.overlap,
    priority: spec.priority,
    retry: {
      attempts: spec.retry.attempts,
      on: [...spec.retry.on],
      patterns: [...spec.retry.patterns],
      backoff: {
        firstSeconds: spec.retry.backoff.first,
        factor: spec.retry.backoff.factor,
        maxSeconds: spec.retry.backoff.max,
      },
      withinSeconds: spec.retry.within ?? null,
      resume: spec.retry.resume,
    },
    deactivateAfter: spec.deactivate_after ?? null,
    notify: resolveRules(section, ['jobs', name, 'notify'], spec.notify, setup, findings) ?? rules,
  }
}

/** A list of one job is that one job. */
function resolveAfter(project: string, spec: JobSpec['after']): Pick<JobConfig, 'after' | 'afterAll'> {
  if (!spec) return { after: null, afterAll: null }
  const { status, partial, within = null } = spec
  const named = (spec.jobs ?? [spec.job ?? '']).map(job => (job.includes('/') ? job : fullName(project, job)))
  const [job = '', ...more] = [...new Set(named)]
  return more.length > 0
    ? { after: null, afterAll: { jobs: [job, ...more], status, partial, withinSeconds: within } }
    : { after: { job, status, partial }, afterAll: null }
}

function resolveSchedules({ file }: Section, project: string, job: string, spec: JobSpec, findings: Findings): ScheduleConfig[] {
  const many = Array.isArray(spec.schedule)
  const list = spec.schedule === undefined ? [] : Array.isArray(spec.schedule) ? spec.schedule : [spec.schedule]
  const names = new Set<string>()
  return list.flatMap((each, index) => {
    const path = ['jobs', job, 'schedule', ...(many ? [index] : [])]
    const name = each.name ?? (index === 0 ? 'default' : String(index + 1))
    if (names.has(name))
      findings.problems.push(file.problem([...path, 'name'], `"${name}" names two schedules of the job; names are unique`))
    names.add(name)
    const deployed = each.cron ?? deployInterval(each.every ?? 0, fullName(project, job))
    if (isRefusal(deployed)) {
      findings.problems.push(file.problem([...path, 'every'], `"${file.source([...path, 'every'])}" ${deployed.refused}`))
      return []
    }
    const uneven = each.cron && unevenStep(deployed.cron)
    if (uneven) findings.warnings.push(file.problem([...path, 'cron'], uneven))
    return [{ name, cron: deployed.cron, expressions: deployed.expressions, timezone: each.timezone, enabled: each.enabled }]
  })
}

function deployInterval(seconds: number, job: string) {
  const cron = cronOfInterval(seconds, job)
  return isRefusal(cron) ? cron : deployCron(cron)
}

/** A step that does not divide its field starts again at 0, which few expect. */
function unevenStep(cron: string): string | undefined {
  for (const [field, size, unit] of [
    [0, 60, 'minute'],
    [1, 24, 'hour'],
  ] as const) {
    const step = Number(/^\*\/(\d+)$/.exec(cron.split(/\s+/)[field] ?? '')?.[1] ?? 1)
    if (size % step)
      return `*/${step} fires at ${unit}s ${Array.from({ length: Math.ceil(size / step) }, (_, i) => i * step).join(', ')}, not every ${step} ${unit}s: ${size} cannot be divided by ${step}`
  }
  return undefined
}

function resolveSteps({ file }: Section, job: string, spec: JobSpec, findings: Findings): JobConfig['steps'] {
  for (const [index, step] of spec.steps.entries())
    for (const warning of step.warnings) findings.warnings.push(file.problem(['jobs', job, 'steps', index], warning))
  if (onlyLooks(spec.steps))
    findings.problems.push(
      file.problem(['jobs', job, 'steps'], `dbt ${spec.steps[0]?.command} alone builds and tests nothing; add e.g. dbt build`),
    )
  const names = stepNames(spec.steps.map(step => step.command))
  return spec.steps.map((step, index) => ({ name: names[index] ?? '', args: step.args }))
}
