/** The function as it is deployed, with its clients: table, bucket, topic and secret of the emulator, a receiver on loopback. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns'
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { makeClients } from '../../lambda/common/clients.ts'
import { makeDynamoStore } from '../../lambda/common/dynamo-store.ts'
import { callAws } from '../../local/aws-json.ts'
import { ENV, KEY } from '../../shared/contract.ts'
import { makeQueue, startTestCloud, type TestCloud, waitFor } from '../local/fixture.ts'
import { makeTable } from '../local/table.ts'
import { ENDS, record } from '../shared/message-records.ts'
import { config } from './notifier-config.ts'
import { item } from './notifier-fakes.ts'

let cloud: TestCloud
let receiver: Server
let queueUrl = ''
let automations: Awaited<ReturnType<typeof makeQueue>>
let handler: (event: unknown, context: { getRemainingTimeInMillis(): number }) => Promise<void>
const received: { text: string; channel?: string }[] = []
const context = { getRemainingTimeInMillis: () => 60_000 }

before(
  async () => {
    cloud = await startTestCloud()
    const { endpoint, region, accessKeyId, secretAccessKey } = cloud.cloud
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    })
    receiver = createServer((request, response) => {
      let body = ''
      request.on('data', chunk => {
        body += chunk
      })
      request.on('end', () => {
        received.push(JSON.parse(body))
        response.end('ok')
      })
    })
    await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve))
    const hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
    await new SecretsManagerClient({}).send(
      new CreateSecretCommand({ Name: 'slack-webhook', SecretString: JSON.stringify({ url: hook }) }),
    )

    const body = JSON.stringify(config({ slack: { secret: { name: 'slack-webhook', field: 'url' } }, events: true }))
    const hash = createHash('sha256').update(body).digest('hex')
    await makeClients.s3().send(new CreateBucketCommand({ Bucket: 'data' }))
    await makeClients.s3().send(new PutObjectCommand({ Bucket: 'data', Key: KEY.config(hash), Body: body }))
    await makeTable(new DynamoDBClient({}), 'runs')
    const topic = await makeTopic()
    await makeRule()

    const env = { [ENV.table]: 'runs', [ENV.bucket]: 'data', [ENV.configKey]: KEY.config(hash), [ENV.topic]: topic }
    Object.assign(process.env, { ...env, [ENV.installation]: 'tidemill' })
    const store = makeDynamoStore(makeClients.table(), 'runs')
    await store.claim({ ...record, ...ENDS.error, config: hash })
    for (const message of [item('email'), item('slack', '#harbour-data'), item('events')]) await store.putMessage(message)
    // It reads its environment when it is loaded.
    handler = (await import('../../lambda/notifier/handler.ts')).handler
  },
  { timeout: 120_000 },
)
after(async () => {
  receiver?.closeAllConnections()
  receiver?.close()
  await cloud?.close()
})

/** A rule of the user's for failed runs, and the queue that stands for an automation. */
async function makeRule(): Promise<void> {
  automations = await makeQueue(cloud, 'automations')
  const pattern = { source: ['tidemill.tidemill'], detail: { kind: ['error'], job: ['nightly'] } }
  await callAws(cloud.cloud, 'events', 'PutRule', { Name: 'failed', EventPattern: JSON.stringify(pattern) })
  await callAws(cloud.cloud, 'events', 'PutTargets', { Rule: 'failed', Targets: [{ Id: '1', Arn: automations.arn }] })
}

/** A topic whose messages arrive in a queue, as they would in a mailbox. */
async function makeTopic(): Promise<string> {
  const [sns, sqs] = [new SNSClient({}), new SQSClient({})]
  const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'messages' }))
  queueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: 'mailbox' }))).QueueUrl ?? ''
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['QueueArn'] }))
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: Attributes?.QueueArn ?? '' }))
  return TopicArn
}

test('one message arrives by e-mail and one in Slack, however often the function is called', { timeout: 60_000 }, async () => {
  const mail = item('email').pk
  await Promise.all([handler({ messages: [mail] }, context), handler({}, context), handler({}, context)])
  await handler({}, context)

  const { Messages = [] } = await new SQSClient({}).send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 2 }),
  )
  const mails = Messages.map(message => JSON.parse(message.Body ?? '{}'))
  assert.deepEqual(
    mails.map(each => each.Subject),
    ['✗ nightly failed in prod: stg_fares and 1 more'],
  )
  assert.match(mails[0].Message, /Could not convert string "on request" to DECIMAL\(8,2\)/)
  assert.equal(mails[0].MessageAttributes.kind.Value, 'error')
  assert.deepEqual(
    received.map(({ channel, text }) => [channel, text.split('\n')[0]]),
    [['#harbour-data', '✗ nightly failed in prod: 1 model, 1 test of 25 nodes']],
  )
  const [event] = await waitFor('the event', async () => {
    const taken = await automations.take()
    return taken.length ? taken.map(each => JSON.parse(each.Body)) : undefined
  })
  assert.deepEqual(
    [event['detail-type'], event.source, event.detail.reason],
    ['Run Failed', 'tidemill.tidemill', 'node_failures'],
  )
  assert.deepEqual(await automations.take(), [], 'one event')
  for (const pk of [mail, item('slack', '#harbour-data').pk, item('events').pk]) {
    const { Item } = await makeClients.table().send(new GetCommand({ TableName: 'runs', Key: { pk } }))
    assert.deepEqual([Item?.state, Item?.tries], ['sent', 1])
  }
})

test('an input that names no messages is refused', () => {
  assert.throws(() => handler({ messages: ['RUN#x'] }, context), /the input of the notifier is/)
})

test('a test message arrives on the same ways, without a run', { timeout: 30_000 }, async () => {
  const asked = { ...item('slack', '#harbour-data'), pk: 'MSG#20261122T020000-00000000000a/test/slack/', kind: 'test' as const }
  await makeDynamoStore(makeClients.table(), 'runs').putMessage({
    ...asked,
    runId: '20261122T020000-00000000000a',
    actor: 'local:ana',
  })
  await handler({ messages: [asked.pk] }, context)
  assert.match(received.at(-1)?.text ?? '', /^✓ Test: messages of tidemill arrive here\n\nana asked for it/)
})
