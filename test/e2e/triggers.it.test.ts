/** What starts a job besides schedules, deployed into the emulator: signed pushes and requests, objects, events, several jobs. */

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CreateBucketCommand, PutBucketNotificationConfigurationCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { ListQueuesCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { callAws } from '../../local/aws-json.ts'
import { status } from '../../local/cloud.ts'
import { clientOptions } from '../local/client.ts'
import { type Answer, type Installation, makeInstallation } from './installation.ts'
import { makeBackstage } from './table.ts'
import { BUCKET, headOf, makeTriggersProject, SECRETS } from './triggers-project.ts'
import { runsUntil } from './until.ts'

let chain: Installation
let s3: S3Client
let url = ''
before(
  async () => {
    chain = await makeInstallation(makeTriggersProject, Object.keys(SECRETS))
    s3 = new S3Client(clientOptions(chain.cloud))
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }))
    await s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket: BUCKET,
        NotificationConfiguration: { EventBridgeConfiguration: {} },
      }),
    )
    url = (await status({ folder: chain.folder })).webhookUrl ?? ''
    assert.ok(url)
  },
  { timeout: 300_000 },
)
after(() => chain?.close(), { timeout: 60_000 })

const limit = { timeout: 180_000 }
type Run = Answer['json']

async function runsOf(job: string): Promise<Run[]> {
  return (await chain.tidemill('runs', '--job', job)).json.runs
}

/** The one run of the job, when it is over, after a moment for one too many. */
async function onlyRun(job: string): Promise<Run> {
  await runsUntil(chain.cloud, job, runs => runs[0]?.endedAt !== undefined)
  await sleep(1500)
  const all = await runsOf(job)
  assert.equal(all.length, 1, `${all.length} runs of ${job}`)
  assert.equal(all[0].status, 'success', JSON.stringify(all[0].message))
  return all[0]
}
const logOf = async (run: string) => JSON.stringify((await chain.tidemill('logs', run)).json)

const hmac = (text: string, secret: string) => createHmac('sha256', secret).update(text).digest('hex')
const post = (path: string, body: string, headers: Record<string, string>) =>
  fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })

test(
  'fault 01: a push that the git host delivers three times is one run, on the pushed commit and not on the newest',
  limit,
  async () => {
    const sha = headOf('HEAD~1')
    const full = `${chain.folder}/repository`
    const body = JSON.stringify({ ref: 'refs/heads/main', after: sha, repository: { full_name: full } })
    const headers = { 'x-github-event': 'push', 'x-github-delivery': 'delivery-1' }
    const sign = (secret: string) => ({ ...headers, 'x-hub-signature-256': `sha256=${hmac(body, secret)}` })
    const refused = await post('push/shop', body, sign(SECRETS.requests))
    assert.deepEqual([refused.status, await refused.json()], [401, { message: 'The call is not signed as it must be.' }])
    const answers = await Promise.all([1, 2, 3].map(() => post('push/shop', body, sign(SECRETS['git-hook']))))
    for (const answer of answers)
      assert.deepEqual([answer.status, await answer.json()], [202, { message: 'Runs: shop/pushed.', jobs: ['shop/pushed'] }])
    const run = await onlyRun('pushed')
    assert.deepEqual([run.cause.kind, run.cause.sha, run.cause.branch, run.commit.sha], ['commit', sha, 'main', sha])
    assert.match(await logOf(run.id), new RegExp(`told TIDEMILL_COMMIT=${sha}`))
    assert.match((await chain.tidemill('show', run.id)).json.run.causeString, /delivery-1$/)
  },
)

test(
  'fault 01: a signed request asked three times is one run, whose status the same request tells in the end',
  limit,
  async () => {
    const body = JSON.stringify({ job: 'shop/asked', idempotencyKey: 'dag-1', overrides: { vars: { day: '2027-01-31' } } })
    const ask = async () => {
      const at = Math.round(Date.now() / 1000)
      return post('run', body, { 'x-tidemill-signature': `t=${at},v1=${hmac(`${at}.${body}`, SECRETS.requests)}` })
    }
    const answers = await Promise.all((await Promise.all([ask(), ask(), ask()])).map(each => each.json() as Promise<Run>))
    assert.equal(new Set(answers.map(each => each.run)).size, 1, JSON.stringify(answers))
    const run = await onlyRun('asked')
    assert.deepEqual([run.id, run.cause.actor, run.overrides.vars], [answers[0].run, 'secret:requests', { day: '2027-01-31' }])
    assert.match(await logOf(run.id), /day=2027-01-31/)
    const last = (await (await ask()).json()) as Run
    assert.deepEqual([last.run, last.status, last.existed], [run.id, 'success', true])
  },
)

test('an object that fits starts a run that knows its key; others start nothing', limit, async () => {
  for (const Key of ['orders/readme.txt', 'other/2027.csv', 'orders/2027 01.csv'])
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'a,b' }))
  const run = await onlyRun('landed')
  assert.deepEqual([run.cause.kind, run.cause.object.bucket, run.cause.object.key], ['event', BUCKET, 'orders/2027 01.csv'])
  const log = await logOf(run.id)
  assert.match(log, /told file=s3:\/\/triggers-raw\/orders\/2027 01\.csv table=nothing/)
  assert.match(log, /told TIDEMILL_CAUSE=event/)
})

test('fault 01: an event that matches starts a run; delivered again by its rule it is the same one', limit, async () => {
  const entry = (table: string) => ({ Source: 'acme.loader', DetailType: 'Load finished', Detail: JSON.stringify({ table }) })
  const { FailedEntryCount } = (await callAws(chain.cloud, 'events', 'PutEvents', {
    Entries: [entry('orders'), entry('customers')],
  })) as { FailedEntryCount: number }
  assert.equal(FailedEntryCount, 0)
  const run = await onlyRun('loaded')
  assert.match(await logOf(run.id), /told file=nothing table=orders/)
  // The delivery that EventBridge may make twice.
  const { eventId, source, detailType, time, detail } = run.cause
  const event = { id: eventId, source, 'detail-type': detailType, time, detail: JSON.parse(detail) }
  await invokeLauncher({ kind: 'event', job: 'shop/loaded', trigger: 'event', event })
  assert.equal((await onlyRun('loaded')).id, run.id)
})

async function invokeLauncher(input: object): Promise<void> {
  const { LambdaClient, InvokeCommand } = await import('@aws-sdk/client-lambda')
  const client = new LambdaClient(clientOptions(chain.cloud))
  const answer = await client.send(
    new InvokeCommand({ FunctionName: 'triggers-launcher', Payload: Buffer.from(JSON.stringify(input)) }),
  )
  assert.equal(answer.FunctionError, undefined, Buffer.from(answer.Payload ?? []).toString())
  assert.equal(JSON.parse(Buffer.from(answer.Payload ?? []).toString()).existed, true)
}

test('a job after two starts once both have ended, and not for a part of one', limit, async () => {
  assert.equal((await chain.tidemill('run', 'left', '--step', 'dbt run --select told', '--wait')).code, 0)
  const [left, right] = await Promise.all([chain.tidemill('run', 'left', '--wait'), chain.tidemill('run', 'right', '--wait')])
  const run = await onlyRun('joined')
  assert.equal(run.cause.kind, 'upstream')
  const runs = [run.cause, ...run.cause.others].map((each: Run) => each.run).sort()
  assert.deepEqual(runs, [left?.json.run.id, right?.json.run.id].sort())
})

test(
  'an event that EventBridge gave up after a day is launched by the sweeper, once: its letter names the rule',
  limit,
  async () => {
    const sqs = new SQSClient(clientOptions(chain.cloud))
    const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'triggers' }))
    const [QueueUrl] = QueueUrls
    assert.deepEqual([QueueUrls.length, (await runsOf('loaded')).length], [1, 1])
    const { Rules } = (await callAws(chain.cloud, 'events', 'ListRules', { NamePrefix: 'triggers.shop.loaded' })) as {
      Rules: { Arn: string }[]
    }
    const text = (StringValue = '') => ({ DataType: 'String', StringValue })
    const MessageAttributes = { RULE_ARN: text(Rules[0]?.Arn), ERROR_CODE: text('NO_PERMISSIONS'), RETRY_ATTEMPTS: text('185') }
    const event = {
      ...{ version: '0', id: 'late-1', source: 'acme.loader', 'detail-type': 'Load finished', account: '000000000000' },
      ...{ time: '2026-11-22T02:00:00Z', region: chain.cloud.region, resources: [], detail: { table: 'orders' } },
    }
    for (let times = 0; times < 2; times++)
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(event), MessageAttributes }))
    await (await makeBackstage(chain.cloud, 'triggers')).call('sweeper', {})
    const runs = await runsOf('loaded')
    assert.deepEqual(
      runs.map(run => run.cause.eventId === 'late-1'),
      [true, false],
    )
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }))
    assert.deepEqual(Messages, [])
  },
)
