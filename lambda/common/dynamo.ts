/** Thin layer over the document client: expressions whose names need no list, and answers in place of exceptions. */
import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  PutCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import { SCHEMA_VERSION } from '../../shared/contract.ts'

export interface Dynamo {
  client: DynamoDBDocumentClient
  table: string
}

export interface Write {
  pk: string
  update: string
  condition?: string
  /** Without the colon. */
  values?: Record<string, unknown>
}

/** `#name` in an expression is the attribute of that name (many of ours are reserved words). */
function expressionNames(...expressions: (string | undefined)[]): Record<string, string> {
  const names = expressions.flatMap(text => text?.match(/#\w+/g) ?? [])
  return Object.fromEntries(names.map(name => [name, name.slice(1)]))
}

const expressionValues = (values: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`:${name}`, value]))

/** `SET` clause and values for the fields that are not undefined. `path` goes before each name, as in `#attempts[0].`. */
export function setFields(fields: object, path = ''): { set: string[]; values: Record<string, unknown> } {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  const key = (name: string) => `${path.replace(/\W/g, '')}_${name}`
  return {
    set: given.map(([name]) => `${path}#${name} = :${key(name)}`),
    values: Object.fromEntries(given.map(([name, value]) => [key(name), value])),
  }
}

/** Every item says which form it has. One that the version before made keeps what it says. */
const FORM = '#schemaVersion = if_not_exists(#schemaVersion, :schemaVersion)'

export function writeInput(table: string, { pk, update, condition, values }: Write) {
  const expression = update.startsWith('SET ') ? `SET ${FORM}, ${update.slice('SET '.length)}` : `SET ${FORM} ${update}`
  return {
    TableName: table,
    Key: { pk },
    UpdateExpression: expression,
    ...(condition && { ConditionExpression: condition }),
    ExpressionAttributeNames: expressionNames(expression, condition),
    ExpressionAttributeValues: expressionValues({ ...values, schemaVersion: SCHEMA_VERSION }),
  }
}

/** One conditional update: the item after it (or before, by `returns`), or undefined if the condition did not hold. */
export async function update(
  { client, table }: Dynamo,
  write: Write,
  returns: 'ALL_NEW' | 'ALL_OLD' = 'ALL_NEW',
): Promise<Record<string, unknown> | undefined> {
  return retryConflict(async () => {
    try {
      const answer = await client.send(new UpdateCommand({ ...writeInput(table, write), ReturnValues: returns }))
      return answer.Attributes ?? {}
    } catch (error) {
      if (isNamed(error, 'ConditionalCheckFailedException')) return undefined
      throw error
    }
  })
}

/** One transaction: undefined when it was done, otherwise which of its items had a condition that did not hold. */
export async function transact(
  { client }: Dynamo,
  items: NonNullable<TransactWriteCommandInput['TransactItems']>,
): Promise<boolean[] | undefined> {
  return retryConflict(async () => {
    try {
      await client.send(new TransactWriteCommand({ TransactItems: items }))
      return undefined
    } catch (error) {
      const codes = cancellationCodes(error)
      if (!codes?.includes('ConditionalCheckFailed')) throw error
      return codes.map(code => code === 'ConditionalCheckFailed')
    }
  })
}

function cancellationCodes(error: unknown): string[] | undefined {
  if (!isNamed(error, 'TransactionCanceledException')) return undefined
  const reasons = (error as { CancellationReasons?: { Code?: string }[] }).CancellationReasons
  return (reasons ?? []).map(reason => reason.Code ?? 'None')
}

/** Two transactions on one item at the same moment: one is refused without a look at its conditions, so it is repeated. */
async function retryConflict<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 8; ; left--) {
    try {
      return await attempt()
    } catch (error) {
      const conflict = isNamed(error, 'TransactionConflictException') || cancellationCodes(error)?.includes('TransactionConflict')
      if (!conflict || left === 0) throw error
      await new Promise(resolve => setTimeout(resolve, Math.random() * 40 * (9 - left)))
    }
  }
}

export const isNamed = (error: unknown, name: string): error is Error => error instanceof Error && error.name === name

/** False: there is such an item already, and it stays. */
export const putNew = ({ client, table }: Dynamo, item: Record<string, unknown>): Promise<boolean> =>
  holds(client.send(new PutCommand({ TableName: table, Item: item, ConditionExpression: 'attribute_not_exists(pk)' })))

/** False: the condition does not hold, and the item stays. */
export const removeIf = (
  { client, table }: Dynamo,
  { pk, condition, values }: Required<Omit<Write, 'update'>>,
): Promise<boolean> =>
  holds(
    client.send(
      new DeleteCommand({
        TableName: table,
        Key: { pk },
        ConditionExpression: condition,
        ExpressionAttributeNames: expressionNames(condition),
        ExpressionAttributeValues: expressionValues(values),
      }),
    ),
  )

async function holds(sent: Promise<unknown>): Promise<boolean> {
  try {
    await sent
    return true
  } catch (error) {
    if (isNamed(error, 'ConditionalCheckFailedException')) return false
    throw error
  }
}
