/** The runs table, as the stack has it. */
import { CreateTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { INDEX } from '../../shared/contract.ts'

export async function makeTable(db: DynamoDBClient, TableName: string): Promise<void> {
  const indexes = Object.values(INDEX)
  const names = new Set(['pk', ...indexes.flatMap(({ partition, sort }) => [partition, sort])])
  await db.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      AttributeDefinitions: [...names].map(AttributeName => ({ AttributeName, AttributeType: 'S' as const })),
      GlobalSecondaryIndexes: indexes.map(({ name, partition, sort }) => ({
        IndexName: name,
        KeySchema: [
          { AttributeName: partition, KeyType: 'HASH' as const },
          { AttributeName: sort, KeyType: 'RANGE' as const },
        ],
        Projection: { ProjectionType: 'KEYS_ONLY' as const },
      })),
    }),
  )
}
