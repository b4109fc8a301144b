/** What can be said of a profiles.yml before dbt reads it: targets, adapters, variables it needs, secrets written into it. */
import { type KeyPath, type Problem, parseYaml, type YamlFile } from './config-file.ts'
import { isSecretName, secretKind, storeSecret } from './config-secrets.ts'
import { meant } from './suggest.ts'

export interface ProfileUse {
  /** Wanted; null: the profile's own. */
  target: string | null
  /** Empty for an image of the user's own, of which nothing is known. */
  adapters: readonly string[]
  /** Names of variables and secrets of the environment. */
  provided: ReadonlySet<string>
}

export interface ProfileFindings {
  problems: Problem[]
  warnings: Problem[]
  /** Refusal of the environment's `target`. */
  target: string | undefined
}

type Map = Record<string, unknown>
const isMap = (value: unknown): value is Map => typeof value === 'object' && value !== null && !Array.isArray(value)
const isJinja = (value: unknown) => typeof value === 'string' && value.includes('{{')

export function checkProfile(path: string, text: string, use: ProfileUse): ProfileFindings {
  const bare = bareJinja(path, text)
  if (bare.length) return { problems: bare, warnings: [], target: undefined }
  const { file, problems, usable } = parseYaml(path, text)
  const findings: ProfileFindings = { problems: [...problems], warnings: [], target: undefined }
  if (!usable) return findings
  const profiles = isMap(file.data) ? Object.entries(file.data).filter(([name, value]) => name !== 'config' && isMap(value)) : []
  if (profiles.length === 0) {
    findings.problems.push(file.problem([], 'holds no profile (a name with `target` and `outputs`)'))
    return findings
  }
  const targets = new Set(profiles.flatMap(([, profile]) => Object.keys(outputsOf(profile))))
  const { target } = use
  if (target !== null && targets.size && !targets.has(target))
    findings.target = `"${target}" is not a target of ${path}${meant(target, targets)}`
  for (const [name, profile] of profiles) checkOne(file, name, profile as Map, use, findings)
  for (const leaf of leaves(file.data, [])) checkLeaf(file, leaf, use, findings)
  return findings
}

/** Without quotes YAML reads `{{ … }}` as maps, often without complaint. */
const bareJinja = (path: string, text: string): Problem[] =>
  text.split('\n').flatMap((line, index) => {
    const column = /^[^#'"]*:\s+(?=\{\{)/.exec(line)?.[0].length
    const message = 'Jinja needs quotes around it in YAML: "{{ … }}"'
    return column === undefined ? [] : [{ file: path, line: index + 1, column: column + 1, path: '', message }]
  })

const outputsOf = (profile: unknown): Map => (isMap(profile) && isMap(profile.outputs) ? profile.outputs : {})

function checkOne(file: YamlFile, name: string, profile: Map, use: ProfileUse, findings: ProfileFindings): void {
  const outputs = outputsOf(profile)
  if (Object.keys(outputs).length === 0) {
    findings.problems.push(file.problem([name], 'has no `outputs`', 'key'))
    return
  }
  const own = profile.target ?? 'default'
  if (use.target === null && typeof own === 'string' && !isJinja(own) && !Object.hasOwn(outputs, own))
    findings.problems.push(file.problem([name, 'target'], `"${own}" is not in \`outputs\`${meant(own, Object.keys(outputs))}`))
  const chosen = use.target ?? (typeof own === 'string' ? own : '')
  const output = Object.hasOwn(outputs, chosen) ? outputs[chosen] : undefined
  if (!isMap(output)) return
  const type = output.type
  if (typeof type === 'string' && !isJinja(type) && use.adapters.length && !use.adapters.includes(type))
    findings.problems.push(
      file.problem(
        [name, 'outputs', chosen, 'type'],
        `"${type}" is not among the adapters of the environment (${use.adapters.join(', ')}); add it to dbt.adapters`,
      ),
    )
}

interface Leaf {
  path: KeyPath
  value: string
}

function leaves(value: unknown, path: KeyPath): Leaf[] {
  if (typeof value === 'string' || typeof value === 'number') return [{ path, value: String(value) }]
  if (Array.isArray(value)) return value.flatMap((each, index) => leaves(each, [...path, index]))
  return isMap(value) ? Object.entries(value).flatMap(([key, each]) => leaves(each, [...path, key])) : []
}

/** Keys of profiles that hold secrets under names which do not say so. */
const SECRET_KEYS = new Set(['keyfile_json', 'client_secret', 'refresh_token', 'motherduck_token', 'sas_token', 'http_password'])

function checkLeaf(file: YamlFile, { path, value }: Leaf, use: ProfileUse, findings: ProfileFindings): void {
  const key = String(path.findLast(each => typeof each === 'string'))
  const kind = secretKind(value)
  if (value && (kind || ((isSecretName(key) || SECRET_KEYS.has(key)) && !isJinja(value)))) {
    const variable = key.toUpperCase()
    const what = kind ? `holds ${kind}` : 'holds a secret in clear'
    findings.problems.push(
      file.problem(
        path,
        `${what}; write "{{ env_var('${variable}') }}", store the value: ${storeSecret(key.replaceAll('_', '-'))}, and add ${variable}: ${key.replaceAll('_', '-')} to \`secrets\` of the environment`,
      ),
    )
  }
  for (const [, name = '', fallback] of value.matchAll(/env_var\(\s*['"]([^'"]+)['"]\s*(,)?/g))
    if (!fallback && !use.provided.has(name))
      findings.warnings.push(
        file.problem(
          path,
          `${name} is neither in \`variables\` nor in \`secrets\` of the environment${meant(name, use.provided)}`,
        ),
      )
}
