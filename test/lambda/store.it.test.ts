import { after, before } from 'node:test'
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { documentClient } from '../../lambda/common/clients.ts'
import { makeDynamoStore } from '../../lambda/common/dynamo-store.ts'
import { INDEX } from '../../shared/contract.ts'
import { startTestCloud, type TestCloud } from '../local/fixture.ts'
import { testStore } from './store-suite.ts'

let cloud: TestCloud
let client: DynamoDBClient
let tables = 0

before(
  async () => {
    cloud = await startTestCloud()
    const { endpoint, region, accessKeyId, secretAccessKey } = cloud.cloud
    client = new DynamoDBClient({ endpoint, region, credentials: { accessKeyId, secretAccessKey } })
  },
  { timeout: 120_000 },
)
after(() => cloud?.close())

testStore('store on DynamoDB', async () => {
  const table = `store-${++tables}`
  await makeTable(client, table)
  return makeDynamoStore(documentClient(client), table)
})

async function makeTable(db: DynamoDBClient, TableName: string): Promise<void> {
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
