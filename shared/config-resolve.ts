/** From what the user wrote to what is deployed: projects and environments, complete and checked. */
import type { Problem } from './config-file.ts'
import type { EnvironmentConfig, ProjectConfig } from './config-model.ts'
import { checkProfile } from './config-profile.ts'
import { folderOf, joinPath, type ReadFile, type Section } from './config-read.ts'
import type { EnvironmentSpec } from './config-schema-environment.ts'
import { isSecretName, secretKind, storeSecret } from './config-secrets.ts'
import { checkAdapter, credentialsOf, ENGINE_NOTES } from './config-values.ts'
import { memoriesOf } from './fargate.ts'
import { knownHostsOf, sshHost } from './git-hosts.ts'
import { isRefusal, refusalText } from './refusal.ts'

/** Where problems and warnings go while a configuration is put together. */
export interface Findings {
  problems: Problem[]
  warnings: Problem[]
}

export function resolveProject({ file, project }: Section, findings: Findings): ProjectConfig | undefined {
  if (!project) return undefined
  const credentials = credentialsOf(project.repository, project.credentials?.secret)
  if (isRefusal(credentials)) {
    findings.problems.push(file.problem(['project', 'credentials'], credentials.refused, 'key'))
    return undefined
  }
  const knownHosts = project.credentials?.known_hosts ?? []
  const say = (message: string) => findings.problems.push(file.problem(['project', 'credentials'], message, 'key'))
  if (credentials.kind === 'ssh' && knownHostsOf(project.repository.url, knownHosts).length === 0)
    say(
      `needs known_hosts: the key of ${sshHost(project.repository.url)} is not known here. \`ssh-keyscan ${sshHost(project.repository.url)}\` prints it; compare it with what the host's owner publishes`,
    )
  if (credentials.kind !== 'ssh' && knownHosts.length > 0) say('has known_hosts, which only an ssh repository uses; take it out')
  return {
    name: project.name,
    repository: project.repository.url,
    folder: project.folder,
    credentials,
    submodules: project.submodules,
    webhook: project.webhook ?? null,
    knownHosts,
  }
}

export function resolveEnvironment(
  section: Section,
  project: string,
  name: string,
  spec: EnvironmentSpec,
  read: ReadFile,
  findings: Findings,
): EnvironmentConfig {
  const { file } = section
  const path = ['environments', name]
  checkVariables(section, path, spec, findings)
  if (spec.on_git_outage === 'last_commit' && section.project?.submodules)
    findings.problems.push(
      file.problem(
        [...path, 'on_git_outage'],
        'last_commit does not go together with submodules, which are not kept; write fail',
      ),
    )
  return {
    project,
    name,
    branch: spec.branch,
    dbt: resolveDbt(section, path, spec.dbt, findings),
    target: spec.target ?? null,
    profiles: resolveProfile(section, path, spec, read, findings),
    variables: Object.fromEntries(
      Object.entries(spec.variables).map(([key, value]) => [
        key,
        typeof value === 'string' ? value : (file.source([...path, 'variables', key]) ?? String(value)),
      ]),
    ),
    secrets: spec.secrets,
    size: resolveSize(section, path, spec.size, findings),
    awsCredentials: spec.aws_credentials,
    policies: spec.policies,
    onGitOutage: spec.on_git_outage,
    maxRunning: spec.max_running,
    ...(spec.retention !== undefined && { keepDays: spec.retention }),
  }
}

function resolveDbt(
  { file }: Section,
  path: string[],
  spec: EnvironmentSpec['dbt'],
  findings: Findings,
): EnvironmentConfig['dbt'] {
  const at = [...path, 'dbt']
  const say = (message: string, key?: string | number) =>
    findings.problems.push(file.problem(key === undefined ? at : [...at, key], message, 'key'))
  if (spec.image !== undefined) {
    if (spec.engine !== undefined) say('stands beside `image`, which brings its own dbt; keep one', 'engine')
    if (!spec.image.includes('@sha256:') && !/:(?!latest$)[\w.-]+$/.test(spec.image))
      findings.warnings.push(
        file.problem(
          [...at, 'image'],
          'names no version, so a run may get another image than the one before; add a tag or digest',
        ),
      )
    return { engine: 'image', adapters: spec.adapters, image: spec.image }
  }
  const engine = spec.engine as 'core-1.11' | undefined
  if (engine === undefined) say('needs `engine` and `adapters`, e.g. { engine: core-1.11, adapters: [postgres] }, or `image`')
  else if (spec.adapters.length === 0) say('needs `adapters`, e.g. adapters: [postgres]')
  else
    for (const [index, adapter] of spec.adapters.entries()) {
      const refusal = checkAdapter(engine, adapter)
      if (refusal) findings.problems.push(file.problem([...at, 'adapters', index], refusalText(adapter, refusal)))
    }
  const note = engine === undefined ? undefined : ENGINE_NOTES[engine]
  if (note !== undefined) findings.warnings.push(file.problem([...at, 'engine'], note))
  return { engine: engine ?? 'core-1.11', adapters: [...new Set(spec.adapters)].sort(), image: null }
}

function resolveSize(
  { file }: Section,
  path: string[],
  spec: EnvironmentSpec['size'],
  findings: Findings,
): EnvironmentConfig['size'] {
  const cpu = spec.cpu * 1024
  const memory = spec.memory ?? Math.max(2, 2 * spec.cpu) * 1024
  const allowed = memoriesOf(cpu)
  if (!allowed.includes(memory)) {
    const list = allowed.map(each => (each < 1024 ? `${each} MB` : `${each / 1024} GB`)).join(', ')
    findings.problems.push(
      file.problem(
        [...path, 'size', 'memory'],
        `${memory % 1024 ? `${memory} MB` : `${memory / 1024} GB`} does not exist with ${spec.cpu} vCPU; Fargate has ${list}`,
      ),
    )
  }
  const [architecture = 'arm64', second = null] = typeof spec.architecture === 'string' ? [spec.architecture] : spec.architecture
  return {
    cpu,
    memory,
    disk: spec.disk,
    architecture,
    fallbackArchitecture: second === architecture ? null : second,
    spot: spec.spot,
  }
}

/** Variables that we or AWS set in the task, with what to do instead. */
function ownedVariable(name: string): string | undefined {
  if (/^TIDEMILL_/i.test(name)) return 'begins with TIDEMILL_, which is ours; take another name'
  if (/^AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|CONTAINER_|PROFILE|ROLE_ARN|WEB_IDENTITY)/.test(name))
    return 'is a credential of AWS; write aws_credentials: true, and dbt gets those of the task’s role'
  if (
    /^DBT_(PROFILES_DIR|PROJECT_DIR|TARGET_PATH|LOG_PATH|LOG_FORMAT|LOG_FORMAT_FILE|LOG_LEVEL|LOG_LEVEL_FILE|WRITE_JSON)$/.test(
      name,
    )
  )
    return 'is set by the runner, so that every attempt is kept apart'
  if (/^(PATH|HOME|LD_PRELOAD|LD_LIBRARY_PATH|PYTHONHOME|NODE_OPTIONS|BASH_ENV)$/.test(name))
    return 'would change how the runner works; take another name'
  return undefined
}

function checkVariables({ file }: Section, path: string[], spec: EnvironmentSpec, findings: Findings): void {
  for (const [kind, names] of [
    ['variables', spec.variables],
    ['secrets', spec.secrets],
  ] as const)
    for (const name of Object.keys(names)) {
      const owned = ownedVariable(name)
      if (owned) findings.problems.push(file.problem([...path, kind, name], owned, 'key'))
    }
  for (const [name, value] of Object.entries(spec.variables)) {
    const at = [...path, 'variables', name]
    const kind =
      secretKind(String(value)) ??
      (isSecretName(name) && typeof value === 'string' && value ? 'what looks like a secret' : undefined)
    const stored = name.toLowerCase().replaceAll('_', '-')
    if (Object.hasOwn(spec.secrets, name))
      findings.problems.push(file.problem(at, 'is in `variables` and in `secrets`; keep one', 'key'))
    else if (kind)
      findings.problems.push(
        file.problem(at, `holds ${kind} in clear. Store it: ${storeSecret(stored)}, and write ${name}: ${stored} in \`secrets\``),
      )
  }
}

function resolveProfile(
  { file }: Section,
  path: string[],
  spec: EnvironmentSpec,
  read: ReadFile,
  findings: Findings,
): string | null {
  if (spec.profile === undefined) return null
  const where = joinPath(folderOf(file.path), spec.profile)
  const text = read(where)
  if (text === undefined) {
    findings.problems.push(file.problem([...path, 'profile'], `"${spec.profile}" does not exist (looked for ${where})`))
    return null
  }
  const provided = new Set([...Object.keys(spec.variables), ...Object.keys(spec.secrets)])
  const found = checkProfile(where, text, {
    target: spec.target ?? null,
    adapters: spec.dbt.image ? [] : spec.dbt.adapters,
    provided,
  })
  // Two environments may share a profile: what is wrong with it is said once.
  const fresh = (known: Problem[], more: Problem[]) =>
    more.filter(each => !known.some(one => one.file === each.file && one.line === each.line && one.message === each.message))
  findings.problems.push(...fresh(findings.problems, found.problems))
  findings.warnings.push(...fresh(findings.warnings, found.warnings))
  if (found.target) findings.problems.push(file.problem([...path, 'target'], found.target))
  return text
}
