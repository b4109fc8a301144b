/** Triggers and variables of a job, from what the user wrote. */
import type { Config, JobConfig, ProjectConfig, TriggerConfig } from './config-model.ts'
import type { Section } from './config-read.ts'
import type { Findings } from './config-resolve.ts'
import type { JobSpec } from './config-schema-job.ts'
import type { TriggerSpec } from './config-schema-trigger.ts'
import { objectPattern, readPattern } from './event-pattern.ts'
import { FACTS, isFactName } from './run-facts.ts'
import { meant } from './suggest.ts'
import { namesIn } from './template.ts'

export function resolveTriggers({ file }: Section, job: string, spec: JobSpec, findings: Findings): TriggerConfig[] {
  const many = Array.isArray(spec.on)
  const list = spec.on === undefined ? [] : Array.isArray(spec.on) ? spec.on : [spec.on]
  const names = new Set<string>()
  return list.flatMap((each, index): TriggerConfig[] => {
    const path = ['jobs', job, 'on', ...(many ? [index] : [])]
    const name = each.name ?? freeName(kindOf(each), names)
    if (names.has(name))
      findings.problems.push(file.problem([...path, 'name'], `"${name}" names two triggers of the job; names are unique`))
    names.add(name)
    if (each.event) {
      const { bus, coalesce, ...given } = each.event
      const { pattern, bad } = readPattern(definedOf(given))
      for (const { path: keys, message } of bad) findings.problems.push(file.problem([...path, 'event', ...keys], message))
      if (JSON.stringify(pattern.source ?? '').includes('"aws.ecs"'))
        findings.warnings.push(
          file.problem(
            [...path, 'event', 'source'],
            'matches the ends of Tidemill’s own tasks, so the job may start itself for ever',
          ),
        )
      return [{ kind: 'event', name, bus, pattern, coalesce }]
    }
    if (each.s3) {
      const { bucket, prefix, suffix, coalesce } = each.s3
      return [{ kind: 'event', name, bus: 'default', pattern: objectPattern(bucket, prefix, suffix), coalesce }]
    }
    if (each.request) {
      const { secret, overrides } = each.request
      return [{ kind: 'request', name, secret, overrides: [...new Set(overrides)] }]
    }
    return each.commit ? [{ kind: 'commit', name }] : []
  })
}

const kindOf = (spec: TriggerSpec): string => (['s3', 'event', 'commit', 'request'] as const).find(kind => spec[kind]) ?? ''

function freeName(kind: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? kind : `${kind}-${number}`
    if (!taken.has(name)) return name
  }
}

const definedOf = (value: object) => Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined))

export function resolveVars({ file }: Section, job: string, spec: JobSpec, findings: Findings): NonNullable<JobConfig['vars']> {
  for (const [name, value] of Object.entries(spec.vars)) {
    if (typeof value !== 'string') continue
    const path = ['jobs', job, 'vars', name]
    const say = (message: string) => findings.problems.push(file.problem(path, message))
    const unknown = namesIn(value).filter(each => !isFactName(each))
    for (const each of unknown) say(`{{ ${each} }} is nothing that a run knows of itself${meant(each, Object.keys(FACTS))}`)
    if (unknown.length === 0 && /\{\{|\}\}|\{%/.test(value.replace(/\{\{[^{}]*\}\}/g, '')))
      say('holds braces that are no {{ name }}: names alone can stand there, no expressions')
  }
  return spec.vars
}

/** What a commit needs: the branch of the environment, and a host that tells of it. */
export function checkTriggers(section: Section & { name: string }, config: Config, findings: Findings): void {
  const { file, name: project } = section
  for (const [name, spec] of section.jobs) {
    const list = spec?.on === undefined ? [] : Array.isArray(spec.on) ? spec.on : [spec.on]
    for (const [index, { commit }] of list.entries()) {
      if (!spec || !commit) continue
      const path = ['jobs', name, 'on', ...(Array.isArray(spec.on) ? [index] : []), 'commit']
      const environment = config.environments[`${project}/${spec.environment}`]
      if (commit !== true && environment && commit.branch !== environment.branch)
        findings.problems.push(
          file.problem(
            [...path, 'branch'],
            `"${commit.branch}" is not the branch of environment ${spec.environment} (${environment.branch}), whose code the job runs; take an environment of that branch`,
          ),
        )
      const host = config.projects[project]
      if (host && !tellsByEvent(host) && !host.webhook)
        findings.problems.push(
          file.problem(path, 'needs the secret of the webhook; add to the project: webhook: { secret: git-webhook }', 'key'),
        )
    }
  }
}

/** CodeCommit puts its pushes on the event bus. */
export const tellsByEvent = ({ credentials }: Pick<ProjectConfig, 'credentials'>): boolean => credentials.kind === 'codecommit'

export const triggersOf = <K extends TriggerConfig['kind']>(job: Pick<JobConfig, 'triggers'>, kind: K) =>
  (job.triggers ?? []).filter((each): each is Extract<TriggerConfig, { kind: K }> => each.kind === kind)

/** Jobs that something outside AWS starts: only with one of them there is a public address. */
export const needsWebhook = (config: Config): boolean =>
  Object.values(config.jobs).some(job => {
    const project = config.projects[job.project]
    const pushed = project && !tellsByEvent(project) && triggersOf(job, 'commit').length > 0
    return pushed || triggersOf(job, 'request').length > 0
  })

/** Secrets that the webhook function checks signatures with. */
export function webhookSecrets(config: Config) {
  const pushed = Object.values(config.projects).flatMap(({ webhook }) => (webhook ? [webhook.secret] : []))
  const requested = Object.values(config.jobs).flatMap(job => triggersOf(job, 'request').map(each => each.secret))
  return [...pushed, ...requested]
}
