/** Event patterns of EventBridge: what a user writes becomes what AWS takes, or the reason why it would not. */
import { meant } from './suggest.ts'

/** EventBridge takes no longer ones. */
const MAX_LENGTH = 2048
const MATCHERS = ['prefix', 'suffix', 'equals-ignore-case', 'wildcard', 'anything-but', 'numeric', 'exists', 'cidr']
const COMPARISONS = ['<', '<=', '=', '>', '>=']

export interface BadPattern {
  /** Keys that lead to it. */
  path: string[]
  message: string
}

/** Scalars become lists of one, as EventBridge wants them. Throws nothing: a list of all that is wrong. */
export function readPattern(given: Record<string, unknown>): { pattern: Record<string, unknown>; bad: BadPattern[] } {
  const bad: BadPattern[] = []
  const pattern = readObject(given, [], bad)
  const length = JSON.stringify(pattern).length
  if (bad.length === 0 && length > MAX_LENGTH)
    bad.push({ path: [], message: `is ${length} characters long; EventBridge takes ${MAX_LENGTH}` })
  return { pattern, bad }
}

function readObject(given: Record<string, unknown>, path: string[], bad: BadPattern[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      key,
      key === '$or' ? readOr(value, [...path, key], bad) : readValue(value, [...path, key], bad),
    ]),
  )
}

function readValue(value: unknown, path: string[], bad: BadPattern[]): unknown {
  if (isObject(value)) {
    const [first = ''] = Object.keys(value)
    // One matcher alone is meant as a list of it.
    if (MATCHERS.includes(first)) return [readMatcher(value, path, bad)]
    return readObject(value, path, bad)
  }
  const list = Array.isArray(value) ? value : [value]
  if (list.length === 0) bad.push({ path, message: 'is an empty list, which no event matches' })
  return list.map(each => (isObject(each) ? readMatcher(each, path, bad) : readScalar(each, path, bad)))
}

function readScalar(value: unknown, path: string[], bad: BadPattern[]): unknown {
  const fine = value === null || ['string', 'number', 'boolean'].includes(typeof value)
  if (!fine) bad.push({ path, message: 'holds a list in a list; write its values one after the other' })
  return value
}

function readOr(value: unknown, path: string[], bad: BadPattern[]): unknown {
  if (Array.isArray(value) && value.length > 1 && value.every(isObject)) return value.map(each => readObject(each, path, bad))
  bad.push({ path, message: 'needs a list of two patterns or more' })
  return value
}

function readMatcher(value: Record<string, unknown>, path: string[], bad: BadPattern[]): unknown {
  const [name = '', ...more] = Object.keys(value)
  const operand = value[name]
  const say = (message: string) => void bad.push({ path, message })
  if (!MATCHERS.includes(name)) say(`"${name}" is not a matcher of EventBridge${meant(name, MATCHERS)}`)
  else if (more.length > 0) say(`"${name}" stands beside "${more[0]}"; each matcher is an item of the list`)
  else if (name === 'numeric' && !isComparison(operand)) say('numeric needs comparisons, e.g. { numeric: [">=", 5, "<", 10] }')
  else if (name === 'exists' && typeof operand !== 'boolean') say('exists needs true or false')
  else if (['wildcard', 'cidr'].includes(name) && typeof operand !== 'string') say(`${name} needs a text`)
  else if (['prefix', 'suffix', 'equals-ignore-case'].includes(name) && typeof operand !== 'string' && !isObject(operand))
    say(`${name} needs a text`)
  return value
}

const isComparison = (value: unknown) =>
  Array.isArray(value) &&
  (value.length === 2 || value.length === 4) &&
  value.every((each, index) => (index % 2 ? typeof each === 'number' : COMPARISONS.includes(each)))

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** An object written to a bucket that tells EventBridge of it. */
export function objectPattern(bucket: string, prefix: string, suffix: string): Record<string, unknown> {
  return {
    source: ['aws.s3'],
    'detail-type': ['Object Created'],
    detail: { bucket: { name: [bucket] }, ...(keyMatcher(prefix, suffix) && { object: { key: [keyMatcher(prefix, suffix)] } }) },
  }
}

/** Two matchers in a list mean "or": both at once take a wildcard. */
function keyMatcher(prefix: string, suffix: string): Record<string, string> | undefined {
  if (prefix && suffix) return { wildcard: `${escaped(prefix)}*${escaped(suffix)}` }
  if (prefix) return { prefix }
  return suffix ? { suffix } : undefined
}

const escaped = (text: string) => text.replace(/[\\*]/g, '\\$&')
