/** What the schema found, as problems in people's words with their places. */
import type * as z from 'zod/mini'
import { type KeyPath, type Problem, pathText, type YamlFile } from './config-file.ts'
import { NO_WORDS } from './config-schema-parts.ts'
import { keysAt, placesOf } from './config-schema-walk.ts'
import { meant, suggest } from './suggest.ts'

type Issue = z.core.$ZodIssue

/** Problems of one section of a file that the schema refused. `prefix` is where the section stands. */
export function problemsOf(issues: readonly Issue[], schema: z.ZodMiniType, file: YamlFile, prefix: KeyPath): Problem[] {
  const flat = issues.flatMap(issue => flatten(issue, []))
  const misspelt = new Set(flat.flatMap(issue => meantKeys(issue, schema).map(key => pathText([...pathOf(issue), key]))))
  return flat.flatMap(issue => {
    const path = [...prefix, ...pathOf(issue)]
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map(key => file.problem([...path, key], unknownKey(key, pathOf(issue), schema), 'key'))
    const value = valueAt(file.data, path)
    // A misspelt key and the key that is missing because of it are one problem.
    if (value === undefined && misspelt.has(pathText(pathOf(issue)))) return []
    return [file.problem(path, message(issue, value, file.commentAt(path)), issue.code === 'invalid_key' ? 'key' : 'value')]
  })
}

const pathOf = (issue: Issue): KeyPath => issue.path as KeyPath

/** A union's issues are those of the branch whose shape the user chose; a key's are those of its name. */
function flatten(issue: Issue, path: KeyPath): Issue[] {
  const here = [...path, ...pathOf(issue)]
  if (issue.code !== 'invalid_union') return [{ ...issue, path: here } as Issue]
  const chosen = issue.errors.filter(
    branch => !branch.some(each => each.path.length === 0 && ['invalid_type', 'invalid_value'].includes(each.code)),
  )
  const [only] = chosen
  if (chosen.length === 1 && only) return only.flatMap(each => flatten(each, here))
  return [{ ...issue, path: here } as Issue]
}

/** For each unknown key the known one that was meant. */
function meantKeys(issue: Issue, schema: z.ZodMiniType): string[] {
  if (issue.code !== 'unrecognized_keys') return []
  const known = keysAt(schema, pathOf(issue))
  return issue.keys.flatMap(key => suggest(key, known) ?? [])
}

function unknownKey(key: string, path: KeyPath, schema: z.ZodMiniType): string {
  const known = keysAt(schema, path)
  const near = suggest(key, known)
  if (near) return `unknown key; did you mean "${near}"?`
  const all = placesOf(schema, key)
  const beside = all.filter(place => place.split('.')[0] === path[0])
  const places = beside.length ? beside : all
  if (places.length && places.length < 4) return `unknown key here; it belongs in ${places.join(' or ')}`
  return `unknown key; known: ${known.join(', ')}`
}

function message(issue: Issue, value: unknown, comment: string | undefined): string {
  if (value === undefined && issue.code !== 'invalid_key') return `is missing${wanted(issue)}`
  if (value === null)
    return comment
      ? `is empty, because # begins a comment in YAML; put quotes around it: "#${comment.trim()}"`
      : `is empty${wanted(issue)}; write a value, or take the key out`
  switch (issue.code) {
    case 'invalid_value':
      if (typeof value === 'number') return `${value} is not allowed; allowed: ${issue.values.join(', ')}`
      return `${shown(value)} is not allowed${meant(String(value), issue.values.map(String)).replace('; known:', '; allowed:')}`
    case 'invalid_type':
      if (issue.message !== NO_WORDS) return issue.message
      return `${shown(value)}: expected ${typeName(issue.expected)}, got ${kindOf(value)}${asText(issue.expected, value)}`
    case 'invalid_union':
      return `${shown(value)}: expected ${[...new Set(issue.errors.flatMap(expectedOf))].join(' or ')}, got ${kindOf(value)}${asMap(issue.path, value)}`
    case 'too_small':
      return issue.origin === 'string'
        ? 'is empty'
        : issue.origin === 'array'
          ? 'is an empty list; needs at least one'
          : `${shown(value)} is less than ${issue.minimum}, the least allowed`
    case 'too_big':
      return issue.origin === 'string'
        ? `is longer than ${issue.maximum} characters`
        : `${shown(value)} is more than ${issue.maximum}, the most allowed`
    case 'invalid_key': {
      const [inner] = issue.issues
      const name = String(issue.path.at(-1))
      return inner?.code === 'custom' ? inner.message : `"${name}" ${inner?.message ?? 'is not allowed as a name'}`
    }
    default:
      return issue.message
  }
}

const wanted = (issue: Issue): string =>
  issue.code === 'invalid_type'
    ? ` (${typeName(issue.expected)})`
    : issue.code === 'invalid_value'
      ? `; write ${issue.values.join(' or ')}`
      : ''

function expectedOf(branch: readonly Issue[]): string[] {
  return branch.flatMap(issue => {
    if (issue.code === 'invalid_type') return [typeName(issue.expected)]
    if (issue.code === 'invalid_value') return issue.values.map(String)
    return []
  })
}

/** Where YAML read a number or a boolean and text was meant. */
const asText = (expected: string, value: unknown) =>
  expected === 'string' && typeof value !== 'object' ? `; put quotes around it: "${String(value)}"` : ''

/** Where other tools take a text. */
function asMap(path: readonly PropertyKey[], value: unknown): string {
  if (typeof value !== 'string' || path.at(-1) !== 'schedule') return ''
  if (/^@\w+$|^\S+(\s+\S+){4}$/.test(value.trim())) return `; write { cron: ${JSON.stringify(value)}, timezone: UTC }`
  return /^\d+[mhd]$/.test(value) ? `; write { every: ${value} }` : ''
}

const TYPE_NAMES: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map (key: value)',
  record: 'a map (key: value)',
  array: 'a list ([a, b])',
}
const typeName = (expected: string) => TYPE_NAMES[expected] ?? expected

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  return typeof value === 'string' ? 'text' : typeof value === 'boolean' ? 'true or false' : 'a number'
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? ''
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

export function valueAt(data: unknown, path: KeyPath): unknown {
  let value = data
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string | number, unknown>)[key]
  }
  return value
}
