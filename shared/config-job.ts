/** A job from what the user wrote: schedules, steps, notifications, all complete. */

import type { JobConfig, NotifyRule, ScheduleConfig } from './config-model.ts'
import type { Section } from './config-read.ts'
import type { Findings } from './config-resolve.ts'
import type { JobSpec } from './config-schema-job.ts'
import { fullName } from './contract.ts'
import { onlyLooks, stepNames } from './dbt-command.ts'
import { isRefusal } from './refusal.ts'
import { deployCron } from './schedule.ts'
import { cronOfInterval } from './schedule-names.ts'

export type Channel = NotifyRule['channel']

/** `publishes` is settled when all jobs of the environment are known; `after` when all jobs are. */
export function resolveJob(
  section: Section,
  project: string,
  name: string,
  spec: JobSpec,
  channels: readonly Channel[],
  findings: Findings,
): JobConfig {
  return {
    project,
    name,
    environment: spec.environment,
    description: spec.description,
    schedules: resolveSchedules(section, project, name, spec, findings),
    ...resolveAfter(project, spec.after),
    steps: resolveSteps(section, name, spec, findings),
    deps: spec.deps,
    freshness: spec.freshness === true ? 'warn' : spec.freshness === false ? 'off' : spec.freshness,
    docs: spec.docs !== false,
    docsStatic: spec.docs === 'static',
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
    notify: resolveNotify(section, name, spec, channels, findings),
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

function resolveNotify(
  { file }: Section,
  job: string,
  spec: JobSpec,
  channels: readonly Channel[],
  findings: Findings,
): NotifyRule[] {
  if (spec.notify === undefined) return channels.map(channel => ({ channel, target: '', on: ['error', 'recovered', 'missed'] }))
  const many = Array.isArray(spec.notify)
  const list = Array.isArray(spec.notify) ? spec.notify : [spec.notify]
  return list.flatMap((rule, index) => {
    const path = ['jobs', job, 'notify', ...(many ? [index] : [])]
    const named = (['slack', 'email'] as const).filter(channel => rule[channel])
    for (const channel of named)
      if (!channels.includes(channel))
        findings.problems.push(
          file.problem(
            [...path, channel],
            `${channel} is not set up; add to the end of the file: notifications: { ${HOW[channel]} }`,
            'key',
          ),
        )
    const chosen = rule.slack === undefined && rule.email === undefined ? channels : named
    return chosen.map(channel => ({
      channel,
      target: channel === 'slack' && typeof rule.slack === 'string' ? rule.slack : '',
      on: [...new Set(rule.on)],
    }))
  })
}

const HOW: Record<Channel, string> = { slack: 'slack: { secret: slack-webhook }', email: 'email: [you@example.com]' }
