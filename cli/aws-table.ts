import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { BatchGetCommand, DynamoDBDocumentClient, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import { INDEX } from '../shared/contract.ts'
import { explained, type Where } from './aws-errors.ts'
import type { Table } from './connection.ts'
import type { Clock } from './effects.ts'

export function makeTable(name: string, where: Where, clock: Clock): Table {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({}))
  const call = <T>(act: () => Promise<T>) => explained(where, 'viewer', act)
  return {
    get: pk => call(async () => (await client.send(new GetCommand({ TableName: name, Key: { pk } }))).Item),
    getMany: pks => call(() => getInBatches(client, name, pks, clock)),
    query: (index, partition, { limit, before }) =>
      call(async () => {
        const { Items = [] } = await client.send(
          new QueryCommand({
            TableName: name,
            IndexName: INDEX[index].name,
            KeyConditionExpression: before === undefined ? '#p = :p' : '#p = :p AND #s < :s',
            ExpressionAttributeNames: { '#p': INDEX[index].partition, ...(before !== undefined && { '#s': INDEX[index].sort }) },
            ExpressionAttributeValues: { ':p': partition, ...(before !== undefined && { ':s': before }) },
            ScanIndexForward: false,
            Limit: limit,
          }),
        )
        return Items.flatMap(item => (typeof item.pk === 'string' ? [item.pk] : []))
      }),
    open: (partition, phase) => call(() => queryOpen(client, name, partition, phase)),
  }
}

async function queryOpen(client: DynamoDBDocumentClient, table: string, partition: string, phase: string | undefined) {
  const found: { pk: string; sort: string }[] = []
  for (let start: Record<string, unknown> | undefined; ; ) {
    const answer = await client.send(
      new QueryCommand({
        TableName: table,
        IndexName: INDEX.open.name,
        KeyConditionExpression: phase === undefined ? '#p = :p' : '#p = :p AND begins_with(#s, :s)',
        ExpressionAttributeNames: { '#p': INDEX.open.partition, ...(phase !== undefined && { '#s': INDEX.open.sort }) },
        ExpressionAttributeValues: { ':p': partition, ...(phase !== undefined && { ':s': phase }) },
        ...(start && { ExclusiveStartKey: start }),
      }),
    )
    for (const item of answer.Items ?? []) found.push({ pk: String(item.pk), sort: String(item[INDEX.open.sort]) })
    start = answer.LastEvaluatedKey
    if (!start) return found
  }
}

/** A batch holds at most 100 keys, and may leave some unprocessed. */
async function getInBatches(client: DynamoDBDocumentClient, table: string, pks: string[], clock: Clock): Promise<unknown[]> {
  const items: unknown[] = []
  for (let from = 0; from < pks.length; from += 100) {
    let keys: Record<string, unknown>[] = pks.slice(from, from + 100).map(pk => ({ pk }))
    for (let pause = 50; keys.length > 0; pause *= 2) {
      const answer = await client.send(new BatchGetCommand({ RequestItems: { [table]: { Keys: keys } } }))
      items.push(...(answer.Responses?.[table] ?? []))
      keys = answer.UnprocessedKeys?.[table]?.Keys ?? []
      if (keys.length > 0) await clock.sleep(Math.min(pause, 2000))
    }
  }
  return items
}
