/** A table with the indexes that the notifier reads, as the stack makes it. */
import { CreateTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { INDEX } from '../../shared/contract.ts'

export async function makeTable(client: DynamoDBClient, TableName: string): Promise<void> {
  const key = (AttributeName: string, KeyType: 'HASH' | 'RANGE') => ({ AttributeName, KeyType })
  const indexes = [INDEX.open, INDEX.job]
  const names = ['pk', ...new Set(indexes.flatMap(({ partition, sort }) => [partition, sort]))]
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [key('pk', 'HASH')],
      AttributeDefinitions: names.map(AttributeName => ({ AttributeName, AttributeType: 'S' as const })),
      GlobalSecondaryIndexes: indexes.map(({ name, partition, sort }) => ({
        IndexName: name,
        KeySchema: [key(partition, 'HASH'), key(sort, 'RANGE')],
        Projection: { ProjectionType: 'KEYS_ONLY' as const },
      })),
    }),
  )
}
