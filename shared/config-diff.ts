/** What differs between two resolved configurations, in the words of tidemill.yml. Secrets are names in both. Pure. */
import type { Config } from './config-model.ts'
import { formatSpan } from './format.ts'

export interface Change {
  /** `jobs.shop/nightly`, `environments.shop/prod`, `projects.shop`, or `installation`. */
  where: string
  /** Undefined: the whole of it was added or removed. */
  option?: string
  /** Undefined: was not there, or is not there any more. */
  before?: string
  after?: string
}

const SECTIONS = ['projects', 'environments', 'jobs'] as const
/** They say which entry it is. */
const NAMES = new Set(['project', 'name'])

export function diffConfigs(before: Config, after: Config): Change[] {
  const rest = ({ projects: _, environments: __, jobs: ___, schemaVersion: ____, ...own }: Config) => own
  return [
    ...diffOptions('installation', rest(before), rest(after)),
    ...SECTIONS.flatMap(section => diffSection(section, before[section], after[section])),
  ]
}

function diffSection(section: string, before: Record<string, object>, after: Record<string, object>): Change[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().flatMap((name): Change[] => {
    const [old, now] = [before[name], after[name]]
    const where = `${section}.${name}`
    if (!now) return [{ where, before: 'removed' }]
    return old ? diffOptions(where, old, now) : [{ where, after: 'added' }]
  })
}

function diffOptions(where: string, before: object, after: object): Change[] {
  const [old, now] = [flatten(before), flatten(after)]
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap(option => {
    const [was, is] = [old.get(option), now.get(option)]
    if (was === is) return []
    return [{ where, option, ...(was !== undefined && { before: was }), ...(is !== undefined && { after: is }) }]
  })
}

/** Options by their path. Lists are one value: a step that moved is a change of the steps. */
function flatten(value: object, path = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [key, child] of Object.entries(value)) {
    if (path === '' && NAMES.has(key)) continue
    const name = `${path}${optionName(key)}`
    if (typeof child === 'object' && child !== null && !Array.isArray(child))
      for (const [inner, text] of flatten(child, `${name}.`)) found.set(inner, text)
    else if (child !== null && child !== undefined && !(Array.isArray(child) && child.length === 0))
      found.set(name, textOf(key, child))
  }
  return found
}

/** `startWithinSeconds` is `start_within` in the file. Names of variables and secrets are kept: they begin with a capital. */
const optionName = (key: string) =>
  /^[a-z]/.test(key) ? key.replace(/Seconds$/, '').replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`) : key

function textOf(key: string, value: unknown): string {
  if (key.endsWith('Seconds') && typeof value === 'number') return formatSpan(value)
  // A profile is a file of its own: that it changed, and how long it is, has to do.
  if (key === 'profiles' && typeof value === 'string') return `${value.trimEnd().split('\n').length} lines, ${shortHash(value)}`
  if (Array.isArray(value)) return value.map(itemText).join(', ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function itemText(item: unknown): string {
  if (typeof item !== 'object' || item === null) return String(item)
  const { name, args, cron, timezone, enabled } = item as Record<string, unknown>
  if (Array.isArray(args)) return `dbt ${args.join(' ')}`
  if (typeof cron === 'string') return `${name}: ${cron} ${timezone}${enabled === false ? ' (off)' : ''}`
  return JSON.stringify(item)
}

/** Tells two texts of the same length apart; not a digest to rely on. */
function shortHash(text: string): string {
  let hash = 2166136261
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16777619)
  return `#${(hash >>> 0).toString(16).padStart(8, '0')}`
}
