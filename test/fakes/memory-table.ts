/**
 * DynamoDB in memory, behind the interface of the document client: the store under test is the one that runs on AWS. What
 * the real one refuses (a name or value that is missing or not used, an empty set, a reserved word) is refused here as well.
 */
import {
  BatchGetCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import { type Item, invalid, makeTokens, type Names, readCondition, type Tokens } from './memory-condition.ts'
import { type Entry, makeIndexes } from './memory-index.ts'
import { readUpdate } from './memory-update.ts'

export interface MemoryTable {
  client: DynamoDBDocumentClient
  /** One request, done at once. Throws as the client does. */
  request(command: object): object
  /** As in the table, frozen. */
  items: ReadonlyMap<string, Item>
  /** Puts an item past all conditions. */
  plant(item: Item): void
}

export interface TableHooks {
  /** After each change of an item. */
  wrote?(pk: string, before: Item | undefined, after: Item | undefined): void
  /** Has an index take an item over; at once unless given. */
  index?(update: () => void): void
}

interface WriteInput {
  Key?: Item | undefined
  Item?: Item | undefined
  UpdateExpression?: string | undefined
  ConditionExpression?: string | undefined
  ExpressionAttributeNames?: Record<string, string> | undefined
  ExpressionAttributeValues?: Item | undefined
  ReturnValues?: string | undefined
}

export function makeMemoryTable(hooks: TableHooks = {}): MemoryTable {
  const items = new Map<string, Item>()
  const indexes = makeIndexes()
  const put = (pk: string, after: Item | undefined) => {
    const before = items.get(pk)
    if (after) items.set(pk, Object.freeze(after))
    else items.delete(pk)
    const update = () => indexes.update(pk, items.get(pk))
    if (hooks.index) hooks.index(update)
    else update()
    hooks.wrote?.(pk, before, after)
  }
  const read = (pk: unknown): Item | undefined => view(items.get(String(pk)))

  /** The item as it would be. Throws if the condition does not hold. */
  function prepare(input: WriteInput): { pk: string; before: Item | undefined; after: () => Item | undefined } {
    const pk = keyOf(input.Key ?? input.Item)
    const before = items.get(pk)
    const names = input.ExpressionAttributeNames ?? {}
    const values = input.ExpressionAttributeValues ? stored(input.ExpressionAttributeValues) : {}
    const given: Names = { names, values: values as Item }
    const condition = input.ConditionExpression ? compiled(input.ConditionExpression, readCondition, kept.conditions) : undefined
    const update = input.UpdateExpression ? compiled(input.UpdateExpression, readUpdate, kept.updates) : undefined
    checkUse(given, condition?.tokens, update?.tokens)
    if (condition && !condition.run(before ?? {}, given)) throw named('ConditionalCheckFailedException', 'the condition failed')
    const after = () =>
      update ? update.run(before ?? { pk }, given) : input.Item ? { ...(stored(input.Item) as Item) } : undefined
    return { pk, before, after }
  }

  function write(input: WriteInput): object {
    const { pk, before, after } = prepare(input)
    put(pk, after())
    if (input.ReturnValues === 'ALL_NEW') return { Attributes: read(pk) }
    return input.ReturnValues === 'ALL_OLD' && before ? { Attributes: view(before) } : {}
  }

  function transact(actions: { Put?: WriteInput; Update?: WriteInput; Delete?: WriteInput; ConditionCheck?: WriteInput }[]) {
    const failed: boolean[] = []
    const puts = actions.map(action => {
      const input = action.Put ?? action.Update ?? action.Delete ?? action.ConditionCheck
      if (!input) throw invalid('a transaction holds Put, Update, Delete and ConditionCheck')
      try {
        const prepared = prepare(input)
        failed.push(false)
        return { ...prepared, checks: action.ConditionCheck !== undefined }
      } catch (error) {
        if ((error as Error).name !== 'ConditionalCheckFailedException') throw error
        failed.push(true)
        return undefined
      }
    })
    if (failed.includes(true)) {
      const CancellationReasons = failed.map(each => ({ Code: each ? 'ConditionalCheckFailed' : 'None' }))
      throw Object.assign(named('TransactionCanceledException', 'the transaction was cancelled'), { CancellationReasons })
    }
    if (new Set(puts.map(each => each?.pk)).size < puts.length) throw invalid('a transaction has two operations on one item')
    const changes = puts.flatMap(each => (each && !each.checks ? [{ pk: each.pk, after: each.after() }] : []))
    for (const { pk, after } of changes) put(pk, after)
  }

  function batchGet(tables: Record<string, { Keys: Item[]; ConsistentRead?: boolean }>): object {
    const answers = Object.entries(tables).map(([name, { Keys, ConsistentRead }]) => {
      if (!ConsistentRead) throw new Error('a read of the table that is not consistent')
      const keys = Keys.map(keyOf)
      if (keys.length > 100 || new Set(keys).size < keys.length) throw invalid('at most 100 keys, each once')
      return [name, keys.flatMap(pk => read(pk) ?? [])]
    })
    return { Responses: Object.fromEntries(answers) }
  }

  function query(input: QueryCommand['input']): object {
    const { KeyConditionExpression = '', ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} } = input
    const condition = compiled(KeyConditionExpression, readCondition, kept.conditions)
    const given: Names = { names, values }
    checkUse(given, condition.tokens, undefined)
    const [, name = '', value = ''] = KeyConditionExpression.match(/^(#?\w+) = (:\w+)/) ?? []
    const { entries, sort } = indexes.partition(input.IndexName ?? '', names[name] ?? name, String(values[value]))
    const found = entries.filter(entry => condition.run(entry, given))
    found.sort((a, b) => (String(a[sort]) < String(b[sort]) ? -1 : 1) * (input.ScanIndexForward === false ? -1 : 1))
    const start = input.ExclusiveStartKey ? found.findIndex(entry => entry.pk === input.ExclusiveStartKey?.pk) + 1 : 0
    const page: Entry[] = found.slice(start, input.Limit === undefined ? undefined : start + input.Limit)
    return { Items: page, ...(start + page.length < found.length && { LastEvaluatedKey: page.at(-1) }) }
  }

  function request(command: object): object {
    if (command instanceof UpdateCommand || command instanceof PutCommand || command instanceof DeleteCommand)
      return write(command.input as WriteInput)
    if (command instanceof QueryCommand) return query(command.input)
    if (command instanceof GetCommand) {
      if (!command.input.ConsistentRead) throw new Error('a read of the table that is not consistent')
      const Item = read(command.input.Key?.pk)
      return Item ? { Item } : {}
    }
    if (command instanceof BatchGetCommand)
      return batchGet(command.input.RequestItems as Record<string, { Keys: Item[]; ConsistentRead?: boolean }>)
    if (command instanceof TransactWriteCommand) {
      transact((command.input.TransactItems ?? []) as Parameters<typeof transact>[0])
      return {}
    }
    throw new Error(`the table in memory does not know ${command.constructor.name}`)
  }
  const client = { send: async (command: object) => request(command) } as unknown as DynamoDBDocumentClient
  return { client, request, items, plant: item => put(keyOf(item), stored(item) as Item) }
}

function keyOf(key: Item | undefined): string {
  if (typeof key?.pk !== 'string' || !key.pk) throw invalid('the key pk is missing')
  return key.pk
}

/** As the document client stores it: without what is undefined, frozen, so that nobody changes it in passing. */
function stored(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Set) {
    if (value.size === 0) throw invalid('a set may not be empty')
    return new Set(value)
  }
  if (Object.isFrozen(value)) return value
  if (Array.isArray(value)) return Object.freeze(value.map(stored))
  const copy: Item = {}
  for (const [name, each] of Object.entries(value)) if (each !== undefined) copy[name] = stored(each)
  return Object.freeze(copy)
}

/** What a reader gets: sets are his own. */
function view(item: Item | undefined): Item | undefined {
  if (!item) return undefined
  const copy = { ...item }
  for (const name in copy) if (copy[name] instanceof Set) copy[name] = new Set(copy[name])
  return copy
}

/** Every name and value has to be given, and none beside them. */
function checkUse({ names, values }: Names, condition: Tokens | undefined, update: Tokens | undefined): void {
  let used = 0
  for (const token of condition?.used ?? []) {
    if (names[token] === undefined && values[token] === undefined) throw invalid(`${token} is used and not given`)
    used++
  }
  for (const token of update?.used ?? []) {
    if (names[token] === undefined && values[token] === undefined) throw invalid(`${token} is used and not given`)
    if (!condition?.used.has(token)) used++
  }
  for (const _ in names) used--
  for (const _ in values) used--
  if (used < 0) throw invalid(`a name or value is given and not used in "${condition?.text ?? ''}" and "${update?.text ?? ''}"`)
}

interface Compiled<R> {
  run: (item: Item, given: Names) => R
  tokens: Tokens
}
const kept = { conditions: new Map<string, Compiled<boolean>>(), updates: new Map<string, Compiled<Item>>() }

function compiled<R>(text: string, read: (tokens: Tokens) => Compiled<R>['run'], known: Map<string, Compiled<R>>): Compiled<R> {
  const found = known.get(text)
  if (found) return found
  const tokens = makeTokens(text)
  const made = { run: read(tokens), tokens }
  if (tokens.peek() !== undefined) throw invalid(`"${text}": unexpected ${tokens.peek()}`)
  known.set(text, made)
  return made
}

const named = (name: string, words: string) => Object.assign(new Error(words), { name })
