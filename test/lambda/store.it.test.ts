import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { documentClient } from '../../lambda/common/clients.ts'
import { makeDeadLetters } from '../../lambda/common/dead-letters.ts'
import { makeDynamoStore } from '../../lambda/common/dynamo-store.ts'
import { clientOptions } from '../local/client.ts'
import { startTestCloud, type TestCloud } from '../local/fixture.ts'
import { makeTable } from '../local/table.ts'
import { testStore } from './store-suite.ts'

let cloud: TestCloud
let client: DynamoDBClient
let tables = 0

before(
  async () => {
    cloud = await startTestCloud()
    client = new DynamoDBClient(clientOptions(cloud.cloud))
  },
  { timeout: 120_000 },
)
after(() => cloud?.close())

testStore('store on DynamoDB', async () => {
  const table = `store-${++tables}`
  await makeTable(client, table)
  return makeDynamoStore(documentClient(client), table)
})

test('a dead letter comes with the rule and the error that EventBridge put on it', { timeout: 20_000 }, async () => {
  const sqs = new SQSClient(clientOptions(cloud.cloud))
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'letters' }))
  const text = (StringValue: string) => ({ DataType: 'String', StringValue })
  const rule = 'arn:aws:events:eu-central-1:123456789012:rule/tidemill.shop.load.on-s3'
  const MessageAttributes = {
    ...{ RULE_ARN: text(rule), TARGET_ARN: text('arn:aws:lambda:eu-central-1:123456789012:function:tidemill-launcher') },
    ...{ ERROR_CODE: text('NO_PERMISSIONS'), ERROR_MESSAGE: text('Lack of permissions to invoke cross account target.') },
    ...{ EXHAUSTED_RETRY_CONDITION: text('MaximumEventAgeInSeconds'), RETRY_ATTEMPTS: text('185') },
  }
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{"id":"e-1"}', MessageAttributes }))
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{"kind":"schedule"}' }))
  const letters = makeDeadLetters(sqs, QueueUrl)
  const found = [...(await letters.receive()), ...(await letters.receive())].sort((a, b) => (a.body < b.body ? -1 : 1))
  assert.deepEqual(
    found.map(({ body, rule: of, error }) => [body, of, error]),
    [
      ['{"id":"e-1"}', rule, 'NO_PERMISSIONS: Lack of permissions to invoke cross account target.'],
      ['{"kind":"schedule"}', undefined, undefined],
    ],
  )
  for (const { receipt } of found) await letters.remove(receipt)
  assert.deepEqual(await letters.receive(), [])
})
