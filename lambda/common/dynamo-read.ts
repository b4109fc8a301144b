/** Reads that take many calls: batches and the shards of an index. */
import { BatchGetCommand, QueryCommand, type QueryCommandInput } from '@aws-sdk/lib-dynamodb'
import { dayKey, INDEX, openKey, SHARDS } from '../../shared/contract.ts'
import type { Dynamo } from './dynamo.ts'
import type { OpenEntry } from './store.ts'

/** DynamoDB's limit for one BatchGetItem. */
const BATCH = 100

/** Items of the keys, in the order of the keys; those that do not exist are left out. */
export async function batchGet({ client, table }: Dynamo, keys: readonly string[]): Promise<Record<string, unknown>[]> {
  const found = new Map<string, Record<string, unknown>>()
  let left = [...new Set(keys)]
  for (let empty = 0; left.length > 0; ) {
    const now = left.slice(0, BATCH)
    const answer = await client.send(
      new BatchGetCommand({ RequestItems: { [table]: { Keys: now.map(pk => ({ pk })), ConsistentRead: true } } }),
    )
    for (const item of answer.Responses?.[table] ?? []) found.set(item.pk, item)
    // Answers are cut at 16 MB or by throttling: what is left over comes again.
    const over = (answer.UnprocessedKeys?.[table]?.Keys ?? []).map(key => String(key.pk))
    left = [...over, ...left.slice(BATCH)]
    empty = over.length === now.length ? empty + 1 : 0
    if (empty > 5) throw new Error(`the table gave none of ${over.length} items in ${empty} tries`)
    if (over.length) await new Promise(resolve => setTimeout(resolve, 50 * 2 ** empty))
  }
  return keys.flatMap(key => {
    const item = found.get(key)
    return item ? [item] : []
  })
}

/** Entries of all shards of the open index whose sort key begins with the phase (all of them if it is empty), in order of that key. */
export async function queryOpen(dynamo: Dynamo, phase: string): Promise<OpenEntry[]> {
  const { name, partition, sort } = INDEX.open
  const items = await queryShards(dynamo, shard => ({
    IndexName: name,
    // A key never begins with nothing, says DynamoDB.
    KeyConditionExpression: `${partition} = :shard${phase ? ` AND begins_with(${sort}, :phase)` : ''}`,
    ExpressionAttributeValues: { ':shard': openKey(shard), ...(phase && { ':phase': phase }) },
  }))
  return items.map(item => ({ pk: String(item.pk), sort: String(item[sort]) })).sort((a, b) => (a.sort < b.sort ? -1 : 1))
}

/** Ids of the runs that were claimed on a day (YYYY-MM-DD, UTC), in order; eventually consistent. */
export async function queryDay(dynamo: Dynamo, date: string): Promise<string[]> {
  const { name, partition } = INDEX.day
  const items = await queryShards(dynamo, shard => ({
    IndexName: name,
    KeyConditionExpression: `${partition} = :day`,
    ExpressionAttributeValues: { ':day': dayKey(date, shard) },
  }))
  return items.map(item => String(item.id)).sort()
}

async function queryShards(dynamo: Dynamo, query: (shard: number) => Omit<QueryCommandInput, 'TableName'>) {
  return (await Promise.all(Array.from({ length: SHARDS }, (_, shard) => queryAll(dynamo, query(shard))))).flat()
}

/** All pages of a query. */
export async function queryAll({ client, table }: Dynamo, query: Omit<QueryCommandInput, 'TableName'>) {
  const items: Record<string, unknown>[] = []
  for (let start: Record<string, unknown> | undefined; ; ) {
    const answer = await client.send(new QueryCommand({ TableName: table, ...query, ...(start && { ExclusiveStartKey: start }) }))
    items.push(...(answer.Items ?? []))
    start = answer.LastEvaluatedKey
    if (!start) return items
  }
}
