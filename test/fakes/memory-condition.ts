/** DynamoDB's condition and key-condition expressions, read once and then evaluated as functions. */

export type Item = Record<string, unknown>
export interface Names {
  names: Record<string, string>
  values: Item
}
export type Path = (string | number)[]
/** Reads an operand of an item; undefined: there is no such attribute. */
export type Operand = (item: Item, given: Names) => unknown
type Condition = (item: Item, given: Names) => boolean

/** What DynamoDB answers to an expression that is wrong in itself. */
export function invalid(words: string): Error {
  return Object.assign(new Error(words), { name: 'ValidationException' })
}

/** Tokens of an expression, taken from the left. */
export interface Tokens {
  text: string
  /** Names and values (`#…`, `:…`) that were taken. */
  used: Set<string>
  peek(): string | undefined
  next(): string
  /** Takes the token if it is the next one. */
  take(token: string): boolean
  expect(token: string): void
}

export function makeTokens(text: string): Tokens {
  const all = text.match(/[#:]?\w+|<=|>=|<>|\S/g) ?? []
  const used = new Set<string>()
  let at = 0
  const next = () => {
    const token = all[at++]
    if (token === undefined) throw invalid(`"${text}" ends too early`)
    if (/^[#:]/.test(token)) used.add(token)
    return token
  }
  return {
    text,
    used,
    peek: () => all[at],
    next,
    take: token => all[at] === token && ++at > 0,
    expect(token) {
      const found = next()
      if (found !== token) throw invalid(`"${text}": ${token} expected before ${found}`)
    },
  }
}

/** Attributes that are named without `#`; any other might be a reserved word, of which DynamoDB has 573. */
const PLAIN = /^(pk|id|openKey|openSort|dayKey|jobKey)$/

export function readPath(tokens: Tokens): Path {
  const path: Path = []
  do {
    const name = tokens.next()
    if (!name.startsWith('#') && !PLAIN.test(name)) throw invalid(`"${tokens.text}": write #${name}, it may be a reserved word`)
    path.push(name)
    while (tokens.take('[')) {
      path.push(Number(tokens.next()))
      tokens.expect(']')
    }
  } while (tokens.take('.'))
  return path
}

/** A path with `#name` made the name. */
export const resolvePath = (path: Path, { names }: Names): Path =>
  path.map(part => (typeof part === 'string' && part.startsWith('#') ? (names[part] ?? part) : part))

export function valueAt(item: unknown, path: Path, given: Names): unknown {
  let value = item
  for (const part of path) {
    const name = typeof part === 'string' && part.startsWith('#') ? given.names[part] : part
    if (typeof value !== 'object' || value === null || name === undefined) return undefined
    value = (value as Record<string | number, unknown>)[name]
  }
  return value
}

export function readOperand(tokens: Tokens): Operand {
  const token = tokens.peek() ?? ''
  if (token.startsWith(':')) {
    tokens.next()
    return (_, given) => given.values[token]
  }
  if (tokens.take('size')) {
    const [path] = readArguments(tokens)
    return (item, given) => (path ? sizeOf(path(item, given)) : undefined)
  }
  const path = readPath(tokens)
  return (item, given) => valueAt(item, path, given)
}

export function readArguments(tokens: Tokens): Operand[] {
  const found: Operand[] = []
  tokens.expect('(')
  do found.push(readOperand(tokens))
  while (tokens.take(','))
  tokens.expect(')')
  return found
}

function sizeOf(value: unknown): number | undefined {
  if (value instanceof Set) return value.size
  if (Array.isArray(value) || typeof value === 'string') return value.length
  return typeof value === 'object' && value !== null ? Object.keys(value).length : undefined
}

export function readCondition(tokens: Tokens): Condition {
  const first = readAnd(tokens)
  const others: Condition[] = []
  while (tokens.take('OR')) others.push(readAnd(tokens))
  return others.length ? (item, given) => first(item, given) || others.some(other => other(item, given)) : first
}

function readAnd(tokens: Tokens): Condition {
  const first = readNot(tokens)
  const others: Condition[] = []
  while (tokens.take('AND')) others.push(readNot(tokens))
  return others.length ? (item, given) => first(item, given) && others.every(other => other(item, given)) : first
}

function readNot(tokens: Tokens): Condition {
  if (tokens.take('NOT')) {
    const inner = readNot(tokens)
    return (item, given) => !inner(item, given)
  }
  if (tokens.take('(')) {
    const inner = readCondition(tokens)
    tokens.expect(')')
    return inner
  }
  const name = tokens.peek() ?? ''
  const test = FUNCTIONS[name]
  if (!test) return readComparison(tokens)
  tokens.next()
  const operands = readArguments(tokens)
  return (item, given) => test(...operands.map(operand => operand(item, given)))
}

const FUNCTIONS: Record<string, (...values: unknown[]) => boolean> = {
  attribute_exists: value => value !== undefined,
  attribute_not_exists: value => value === undefined,
  begins_with: (value, start) => typeof value === 'string' && value.startsWith(String(start)),
  contains: (value, part) =>
    value instanceof Set
      ? value.has(part)
      : Array.isArray(value)
        ? value.includes(part)
        : typeof value === 'string' && value.includes(String(part)),
}

function readComparison(tokens: Tokens): Condition {
  const left = readOperand(tokens)
  if (tokens.take('IN')) {
    const list = readArguments(tokens)
    return (item, given) => {
      const value = left(item, given)
      return value !== undefined && list.some(each => each(item, given) === value)
    }
  }
  if (tokens.take('BETWEEN')) {
    const low = readOperand(tokens)
    tokens.expect('AND')
    const high = readOperand(tokens)
    return (item, given) =>
      compare(left(item, given), '>=', low(item, given)) && compare(left(item, given), '<=', high(item, given))
  }
  const operator = tokens.next()
  const right = readOperand(tokens)
  return (item, given) => compare(left(item, given), operator, right(item, given))
}

/** What is missing, or of another type, is neither equal nor less nor greater. */
function compare(left: unknown, operator: string, right: unknown): boolean {
  if (operator === '<>') return left !== right
  if (left === undefined || right === undefined || typeof left !== typeof right) return false
  const [a, b] = [left as string, right as string]
  switch (operator) {
    case '=':
      return a === b
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    case '>=':
      return a >= b
    default:
      throw invalid(`comparison "${operator}" is not known`)
  }
}
