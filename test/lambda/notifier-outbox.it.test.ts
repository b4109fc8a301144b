import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import { documentClient } from '../../lambda/common/clients.ts'
import type { Dynamo } from '../../lambda/common/dynamo.ts'
import { makeDynamoStore } from '../../lambda/common/dynamo-store.ts'
import type { MessageItem } from '../../lambda/common/message-item.ts'
import { makeRunsBefore } from '../../lambda/common/runs-before.ts'
import { makeOutbox, type Outbox } from '../../lambda/notifier/outbox.ts'
import { FAILED_MESSAGES_KEY, INDEX, makeRunId } from '../../shared/contract.ts'
import { usualSeconds } from '../../shared/usual.ts'
import { clientOptions } from '../local/client.ts'
import { startTestCloud, type TestCloud } from '../local/fixture.ts'
import { makeTable } from '../local/table.ts'
import { record } from '../shared/message-records.ts'
import { item } from './notifier-fakes.ts'

let cloud: TestCloud
let dynamo: Dynamo
let outbox: Outbox

before(
  async () => {
    cloud = await startTestCloud()
    const client = new DynamoDBClient(clientOptions(cloud.cloud))
    await makeTable(client, 'messages')
    dynamo = { client: documentClient(client), table: 'messages' }
    outbox = makeOutbox(dynamo)
  },
  { timeout: 120_000 },
)
after(() => cloud?.close())

const at = (seconds: number) => new Date(Date.parse('2026-11-22T01:12:05.000Z') + seconds * 1000).toISOString()
const stored = async (pk: string) => (await dynamo.client.send(new GetCommand({ TableName: 'messages', Key: { pk } }))).Item
const put = async (channel: string, target = '') => {
  const message = item(channel, target)
  assert.equal(await makeDynamoStore(dynamo.client, 'messages').putMessage(message), true)
  return message.pk
}
const taken = (message: MessageItem | undefined): MessageItem => {
  assert.ok(message)
  return message
}

test('fault 38: of twenty that take a message at the same moment one gets it', { timeout: 30_000 }, async () => {
  const pk = await put('email', 'race')
  const takers = await Promise.all(Array.from({ length: 20 }, (_, i) => outbox.take(pk, at(0), at(150 + i))))
  assert.equal(takers.filter(Boolean).length, 1)
  assert.equal((await stored(pk))?.tries, 1)
})

test('fault 38: a message is taken again only when the lease has run out, and what the first keeps then is void', {
  timeout: 30_000,
}, async () => {
  const pk = await put('email')
  const first = taken(await outbox.take(pk, at(0), at(150)))
  assert.equal(first.state, 'sending')
  assert.equal(await outbox.take(pk, at(150), at(300)), undefined)
  const second = taken(await outbox.take(pk, at(151), at(301)))
  assert.equal(second.tries, 2)
  assert.equal(await outbox.putBack(first, at(160), 'late'), false)
  assert.equal(await outbox.sent(second, at(152)), true)
  assert.deepEqual(
    (({ state, sentAt, leaseUntil, openKey }) => ({ state, sentAt, leaseUntil, openKey }))((await stored(pk)) ?? {}),
    { state: 'sent', sentAt: at(152), leaseUntil: undefined, openKey: undefined },
  )
  assert.equal(await outbox.take(pk, at(1000), at(1150)), undefined)
})

test('fault 39: put back it is open until its time has come; given up it is open no more', { timeout: 30_000 }, async () => {
  const pk = await put('slack', '#data')
  const first = taken(await outbox.take(pk, at(0), at(150)))
  assert.equal(await outbox.putBack(first, at(60), 'hooks.example answered 429'), true)
  assert.ok((await outbox.open()).includes(pk))
  assert.equal(await outbox.take(pk, at(59), at(209)), undefined)
  const second = taken(await outbox.take(pk, at(61), at(211)))
  assert.equal(second.lastError, 'hooks.example answered 429')
  assert.equal(await outbox.giveUp(second, at(62), 'hooks.example answered 404'), true)
  assert.equal((await stored(pk))?.state, 'failed')
  assert.equal((await outbox.open()).includes(pk), false)
})

test('given up it is found as lost until somebody has it sent again, once, with all its tries', { timeout: 30_000 }, async () => {
  const store = makeDynamoStore(dynamo.client, 'messages')
  const pk = await put('teams', 'ops')
  const lost = async () => {
    const partition = { IndexName: INDEX.job.name, KeyConditionExpression: 'jobKey = :lost' }
    const values = { ExpressionAttributeValues: { ':lost': FAILED_MESSAGES_KEY } }
    const { Items = [] } = await dynamo.client.send(new QueryCommand({ TableName: 'messages', ...partition, ...values }))
    return Items.flatMap(each => (each.pk === pk ? [each.id] : []))
  }
  assert.equal(await store.resendMessage(pk, at(1)), false, 'it is on its way')
  await outbox.giveUp(taken(await outbox.take(pk, at(0), at(150))), at(20), 'answered 404')
  assert.deepEqual(await lost(), [`${at(20)}#${pk}`])
  const answers = await Promise.all([store.resendMessage(pk, at(100_000)), store.resendMessage(pk, at(100_000))])
  assert.deepEqual(answers.sort(), [false, true])
  assert.deepEqual(await lost(), [])
  assert.ok((await outbox.open()).includes(pk))
  const again = taken(await outbox.take(pk, at(100_001), at(100_151)))
  assert.deepEqual([again.tries, again.firstTryAt], [1, at(100_001)])
  assert.equal(await outbox.sent(again, at(100_002)), true)
  assert.equal(await store.resendMessage('MSG#20261122T010004-9f3ac2d1b7e4/error/slack/', at(3)), false, 'there is none')
})

test('what is usual comes from the good runs before', { timeout: 30_000 }, async () => {
  const store = makeDynamoStore(dynamo.client, 'messages')
  const minutes = [9, 12, 11, 30]
  for (const [index, took] of minutes.entries()) {
    const start = new Date(`2026-11-1${index}T01:00:00Z`)
    const id = makeRunId(start, `00000000000${index}`)
    const endedAt = new Date(start.getTime() + took * 60_000).toISOString()
    const run = {
      ...record,
      id,
      causeString: `test ${id}`,
      claimedAt: start.toISOString(),
      startedAt: start.toISOString(),
      endedAt,
    }
    assert.equal((await store.claim(run)).claimed, true)
  }
  const runs = await makeRunsBefore(dynamo, store)('harbour_line/nightly', '20261113T000000-000000000000')
  assert.deepEqual(
    runs.map(run => run.id.slice(0, 8)),
    ['20261112', '20261111', '20261110'],
  )
  assert.equal(usualSeconds(runs), 660)
})
