/**
 * Reads tidemill.yml once: from what the user wrote to a complete {@link Config}, or to the list of everything that is
 * wrong with it. Pure: files come in as text.
 */
import { checkCircles, checkMeetings, checkReferences, type NamedSection, settlePublishers } from './config-check.ts'
import { formatProblems, type Problem } from './config-file.ts'
import { valueAt } from './config-issues.ts'
import { resolveJob } from './config-job.ts'
import type { Config } from './config-model.ts'
import { type ChannelSetup, channelSetup, defaultRules, resolveChannels, resolveRules } from './config-notify.ts'
import { type ReadFile, readSections } from './config-read.ts'
import { type Findings, resolveEnvironment, resolveProject } from './config-resolve.ts'
import type { ConfigSpec } from './config-schema.ts'
import { resolveSite } from './config-site.ts'
import { checkTriggers } from './config-trigger.ts'
import { fullName, SCHEMA_VERSION } from './contract.ts'
import { UserError } from './errors.ts'
import type { NotifyRule } from './notify.ts'
import { keptDays } from './retention.ts'

export { formatProblems, type Problem } from './config-file.ts'

export interface ConfigInput {
  /** Of the first file, as it is to be shown; included files and profiles are looked for from its folder. */
  path: string
  text: string
  /** Text of another file, by a path that begins where `path` does; undefined: there is none. */
  read: ReadFile
}

export type ConfigResult =
  | { ok: true; config: Config; warnings: Problem[] }
  | { ok: false; problems: Problem[]; warnings: Problem[] }

export function loadConfig({ path, text, read }: ConfigInput): ConfigResult {
  const { sections, problems } = readSections(path, text, read)
  const findings: Findings = { problems, warnings: [] }
  const named = sections.map(section => ({ ...section, name: nameOf(section.file.data) }))
  const [first] = named
  if (!first) return { ok: false, ...findings }
  const config = installationOf(first.spec)
  const site = resolveSite(first, first.spec?.site, findings)
  if (site) config.site = site
  const setup = channelSetup(first.file.data)
  const written = first.spec?.notifications.notify
  const rules = resolveRules(first, ['notifications', 'notify'], written, setup, findings) ?? defaultRules(setup)
  for (const section of named) addProject(config, section, { setup, rules }, read, findings)
  checkReferences(named, findings)
  checkCircles(named, config.jobs, findings)
  for (const section of named) checkTriggers(section, config, findings)
  for (const job of Object.values(config.jobs)) job.keepDays = keptDays(config, fullName(job.project, job.environment))
  settlePublishers(named, config.jobs, findings)
  checkMeetings(named, config, findings)
  const silent = setup.channels.length === 0 && Object.keys(config.jobs).length > 0
  if (silent)
    findings.warnings.push(
      first.file.problem([], 'nobody is told when a job fails; add notifications: { email: [you@example.com] }'),
    )
  return findings.problems.length ? { ok: false, ...findings } : { ok: true, config, warnings: findings.warnings }
}

/** As {@link loadConfig}, for callers who cannot go on without: throws a UserError with the whole list. */
export function requireConfig(input: ConfigInput): { config: Config; warnings: Problem[] } {
  const result = loadConfig(input)
  if (result.ok) return { config: result.config, warnings: result.warnings }
  throw new UserError(formatProblems(result.problems), { hint: 'Nothing was changed.' })
}

/** A project whose section has mistakes still needs a name, to check the rest. */
function nameOf(data: unknown): string {
  const name = valueAt(data, ['project', 'name'])
  return typeof name === 'string' && name ? name : 'project'
}

interface Telling {
  setup: ChannelSetup
  /** Of the installation. */
  rules: NotifyRule[]
}

function addProject(config: Config, section: NamedSection, { setup, rules }: Telling, read: ReadFile, findings: Findings): void {
  const { name } = section
  const project = resolveProject(section, findings)
  if (project) config.projects[name] = project
  const own = new Map<string, NotifyRule[] | undefined>()
  for (const [environment, spec] of section.environments) {
    if (!spec) continue
    config.environments[fullName(name, environment)] = resolveEnvironment(section, name, environment, spec, read, findings)
    own.set(environment, resolveRules(section, ['environments', environment, 'notify'], spec.notify, setup, findings))
  }
  for (const [job, spec] of section.jobs) {
    const telling = { setup, rules: own.get(spec?.environment ?? '') ?? rules }
    if (spec) config.jobs[fullName(name, job)] = resolveJob(section, name, job, spec, telling, findings)
  }
}

function installationOf(spec: ConfigSpec | undefined): Config {
  const network = spec?.network
  return {
    schemaVersion: SCHEMA_VERSION,
    installation: spec?.installation ?? 'tidemill',
    network: network
      ? {
          kind: 'existing',
          vpc: network.vpc,
          subnets: network.subnets,
          securityGroups: network.security_groups,
          publicIp: network.public_ip,
        }
      : { kind: 'new' },
    images: { build: spec?.images.build ?? 'account' },
    retention: { logs: spec?.retention.logs ?? 30, runs: spec?.retention.runs ?? 365 },
    ...(spec?.history.athena && { history: { athena: true } }),
    channels: resolveChannels(spec?.notifications),
    projects: {},
    environments: {},
    jobs: {},
  }
}
