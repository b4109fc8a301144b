/** DynamoDB's update expressions, read once and then applied as functions to an item, which itself stays as it was. */
import {
  type Item,
  invalid,
  type Names,
  type Operand,
  type Path,
  readArguments,
  readOperand,
  readPath,
  resolvePath,
  type Tokens,
} from './memory-condition.ts'

/** Containers of the new item that are its own already and may be changed. */
type Owned = Set<unknown>
type Action = (before: Item, after: Item, owned: Owned, given: Names) => void

/** All operands are read from the item as it was before. */
export function readUpdate(tokens: Tokens): (item: Item, given: Names) => Item {
  const actions: Action[] = []
  const paths: Path[] = []
  while (tokens.peek() !== undefined) {
    const clause = tokens.next()
    const read = CLAUSES[clause]
    if (!read) throw invalid(`"${tokens.text}": ${clause} is no clause of an update`)
    do {
      const path = readPath(tokens)
      for (const other of paths)
        if (isWithin(path, other) || isWithin(other, path)) throw invalid(`"${tokens.text}": two document paths overlap`)
      paths.push(path)
      actions.push(read(tokens, path))
    } while (tokens.take(','))
  }
  return (before, given) => {
    const after = { ...before }
    const owned: Owned = new Set([after])
    for (const action of actions) action(before, after, owned, given)
    return after
  }
}

const isWithin = (path: Path, other: Path) => other.every((part, index) => path[index] === part)

const CLAUSES: Record<string, (tokens: Tokens, path: Path) => Action> = {
  SET(tokens, path) {
    tokens.expect('=')
    const value = readValue(tokens)
    return (before, after, owned, given) => {
      const found = value(before, given)
      if (found === undefined) throw invalid(`"${tokens.text}": an operand refers to an attribute that does not exist`)
      const { container, name } = ownContainer(after, path, owned, given)
      container[name] = found
    }
  },
  REMOVE: (_, path) => (_before, after, owned, given) => {
    const { container, name } = ownContainer(after, path, owned, given)
    if (Array.isArray(container)) container.splice(Number(name), 1)
    else delete container[name]
  },
  ADD(tokens, path) {
    const value = readOperand(tokens)
    return changeSet(path, value, (set, added) => new Set([...set, ...added]))
  },
  DELETE(tokens, path) {
    const value = readOperand(tokens)
    return changeSet(path, value, (set, gone) => new Set([...set].filter(each => !gone.has(each))))
  },
}

/** Sets, and for ADD numbers. A set that becomes empty is gone. */
function changeSet(path: Path, operand: Operand, change: (set: Set<unknown>, value: Set<unknown>) => Set<unknown>): Action {
  return (before, after, owned, given) => {
    const value = operand(before, given)
    const { container, name } = ownContainer(after, path, owned, given)
    const current = container[name]
    if (typeof value === 'number' && typeof (current ?? 0) === 'number') {
      container[name] = ((current as number | undefined) ?? 0) + value
      return
    }
    if (!(value instanceof Set) || (current !== undefined && !(current instanceof Set)))
      throw invalid('an operand of ADD or DELETE has the wrong type')
    const set = change(current ?? new Set(), value)
    if (set.size > 0) container[name] = set
    else delete container[name]
  }
}

function readValue(tokens: Tokens): Operand {
  const left = readTerm(tokens)
  const sign = tokens.take('+') ? 1 : tokens.take('-') ? -1 : 0
  if (!sign) return left
  const right = readTerm(tokens)
  return (item, given) => Number(left(item, given)) + sign * Number(right(item, given))
}

function readTerm(tokens: Tokens): Operand {
  if (tokens.take('if_not_exists')) {
    const [path, other] = readArguments(tokens)
    return (item, given) => path?.(item, given) ?? other?.(item, given)
  }
  if (tokens.take('list_append')) {
    tokens.expect('(')
    const first = readTerm(tokens)
    tokens.expect(',')
    const second = readTerm(tokens)
    tokens.expect(')')
    return (item, given) => {
      const lists = [first(item, given), second(item, given)]
      return lists.every(Array.isArray) ? lists.flat() : undefined
    }
  }
  return readOperand(tokens)
}

/** The object or list that holds the last part of the path, copied so that it may be changed. */
function ownContainer(root: Item, path: Path, owned: Owned, given: Names) {
  const parts = resolvePath(path, given)
  let container = root as Record<string | number, unknown>
  for (const part of parts.slice(0, -1)) {
    const inner = container[part]
    if (typeof inner !== 'object' || inner === null || inner instanceof Set)
      throw invalid('the document path provided in the update expression is invalid for update')
    if (!owned.has(inner)) {
      container[part] = Array.isArray(inner) ? [...inner] : { ...inner }
      owned.add(container[part])
    }
    container = container[part] as Record<string | number, unknown>
  }
  return { container, name: parts.at(-1) ?? '' }
}
