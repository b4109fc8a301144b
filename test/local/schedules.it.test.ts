import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { signedHeaders } from '../../local/aws-json.ts'
import { down, type LocalCloud } from '../../local/cloud.ts'
import { makeQueue, startTestCloud, type TestCloud, waitFor } from './fixture.ts'

const limit = { timeout: 100_000 }
let it: TestCloud
before(async () => {
  it = await startTestCloud()
}, limit)
after(() => it?.close(), limit)

/** Local time in a zone, as `at()` takes it. */
const wallClock = (moment: Date, timeZone: string) =>
  new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' }).format(moment).replace(' ', 'T')
const inSeconds = (seconds: number) => new Date(Math.ceil(Date.now() / 1000 + seconds) * 1000)
const iso = (moment: Date) => `${moment.toISOString().slice(0, 19)}Z`

const INPUT = JSON.stringify({
  at: '<aws.scheduler.scheduled-time>',
  arn: '<aws.scheduler.schedule-arn>',
  execution: '<aws.scheduler.execution-id>',
  attempt: '<aws.scheduler.attempt-number>',
})

async function cloudFormation(cloud: LocalCloud, action: string, parameters: Record<string, string>): Promise<string> {
  const response = await fetch(cloud.endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...signedHeaders(cloud, 'cloudformation') },
    body: new URLSearchParams({ Action: action, Version: '2010-05-15', ...parameters }),
  })
  const text = await response.text()
  assert.ok(response.ok, text)
  return text
}

async function deploySchedules(stack: string, schedules: Record<string, object>, action = 'CreateStack') {
  const Resources = Object.fromEntries(
    Object.entries(schedules).map(([id, Properties]) => [
      id,
      {
        Type: 'AWS::Scheduler::Schedule',
        Properties: { FlexibleTimeWindow: { Mode: 'OFF' }, Name: `${stack}-${id}`, ...Properties },
      },
    ]),
  )
  await cloudFormation(it.cloud, action, { StackName: stack, TemplateBody: JSON.stringify({ Resources }) })
  await waitFor(`stack ${stack}`, async () => {
    const text = await cloudFormation(it.cloud, 'DescribeStacks', { StackName: stack })
    assert.doesNotMatch(text, /ROLLBACK|FAILED/)
    return /(CREATE|UPDATE)_COMPLETE</.test(text) || undefined
  })
}

const getSchedule = async (name: string) => {
  const response = await fetch(`${it.cloud.endpoint}/schedules/${name}`, { headers: signedHeaders(it.cloud, 'scheduler') })
  return response.ok ? ((await response.json()) as Record<string, unknown>) : undefined
}

const target = (Arn: string, more: object = {}) => ({ Arn, RoleArn: 'arn:aws:iam::000000000000:role/r', Input: INPUT, ...more })
const bodies = async (queue: Awaited<ReturnType<typeof makeQueue>>) =>
  (await queue.take()).map(({ Body }) => JSON.parse(Body) as Record<string, string>)

test('a cron in another zone, from CloudFormation, fires at its minute with the context attributes', limit, async () => {
  const queue = await makeQueue(it, 'kolkata')
  // Kolkata is 5 h 30 min ahead of UTC: minute and hour both differ.
  const minute = new Date(Math.ceil((Date.now() + 3000) / 60_000) * 60_000)
  const [, hours, minutes] = /T(\d\d):(\d\d)/.exec(wallClock(minute, 'Asia/Kolkata')) ?? []
  const cron = (zone: object) => ({
    ScheduleExpression: `cron(${Number(minutes)} ${Number(hours)} * * ? *)`,
    ...zone,
    Target: target(queue.arn),
  })
  await deploySchedules('zones', {
    kolkata: cron({ ScheduleExpressionTimezone: 'Asia/Kolkata' }),
    utc: cron({}),
    disabled: { ...cron({ ScheduleExpressionTimezone: 'Asia/Kolkata' }), State: 'DISABLED' },
  })
  assert.equal((await getSchedule('zones-kolkata'))?.ScheduleExpressionTimezone, 'Asia/Kolkata')
  const [fired] = await waitFor(
    'firing',
    async () => {
      const found = await bodies(queue)
      return found.length > 0 ? found : undefined
    },
    70,
  )
  assert.ok(Date.now() - minute.getTime() < 20_000, `${Date.now() - minute.getTime()} ms late`)
  assert.equal(fired?.at, iso(minute))
  assert.equal(fired?.arn, 'arn:aws:scheduler:us-east-1:000000000000:schedule/default/zones-kolkata')
  assert.match(fired?.execution ?? '', /^[0-9a-f-]{36}$/)
  assert.equal(fired?.attempt, '1')
  await new Promise(done => setTimeout(done, 2500))
  assert.deepEqual(await bodies(queue), [], 'once, and neither in UTC nor when disabled')
})

test('at() fires once, within start and end date; an update moves it; it can delete itself', limit, async () => {
  const queue = await makeQueue(it, 'once')
  const moment = inSeconds(4)
  const later = inSeconds(6)
  const at = (when: Date, more: object = {}) => ({
    ScheduleExpression: `at(${wallClock(when, 'America/New_York')})`,
    ScheduleExpressionTimezone: 'America/New_York',
    Target: target(queue.arn),
    ...more,
  })
  const schedules = {
    plain: at(moment),
    early: at(moment, { StartDate: iso(inSeconds(3600)) }),
    late: at(moment, { EndDate: iso(inSeconds(1)) }),
    moved: at(inSeconds(3600)),
  }
  await deploySchedules('once', schedules)
  await deploySchedules('once', { ...schedules, moved: at(later) }, 'UpdateStack')
  await fetch(`${it.cloud.endpoint}/schedules/self-deleting`, {
    method: 'POST',
    headers: signedHeaders(it.cloud, 'scheduler'),
    body: JSON.stringify({ ...at(moment), FlexibleTimeWindow: { Mode: 'OFF' }, ActionAfterCompletion: 'DELETE' }),
  })
  const fired: Record<string, string>[] = []
  await waitFor('three firings', async () => {
    fired.push(...(await bodies(queue)))
    return fired.length >= 3 || undefined
  })
  await new Promise(done => setTimeout(done, 2500))
  fired.push(...(await bodies(queue)))
  assert.deepEqual(fired.map(({ arn, at: when }) => [arn?.split('/').at(-1), when]).sort(), [
    ['once-moved', iso(later)],
    ['once-plain', iso(moment)],
    ['self-deleting', iso(moment)],
  ])
  assert.equal(await getSchedule('self-deleting'), undefined)
  assert.ok(await getSchedule('once-plain'))
})

test('a target that is gone is tried again, then its input goes to the dead-letter queue with the reason', limit, async () => {
  const dead = await makeQueue(it, 'dead')
  const moment = inSeconds(2)
  const gone = (policy: object) => ({
    ScheduleExpression: `at(${wallClock(moment, 'UTC')})`,
    Target: target('arn:aws:lambda:us-east-1:000000000000:function:gone', {
      DeadLetterConfig: { Arn: dead.arn },
      RetryPolicy: policy,
    }),
  })
  await deploySchedules('dead', {
    attempts: gone({ MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 3600 }),
    age: gone({ MaximumRetryAttempts: 100, MaximumEventAgeInSeconds: 60 }),
    none: gone({ MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 3600 }),
  })
  const found = new Map<string, Record<string, { StringValue: string }>>()
  await waitFor('two dead letters', async () => {
    for (const { Body, MessageAttributes = {} } of await dead.take())
      found.set(JSON.parse(Body).arn.split('/').at(-1), MessageAttributes)
    return found.size >= 2 || undefined
  })
  const value = (schedule: string, name: string) => found.get(schedule)?.[name]?.StringValue
  assert.equal(value('dead-none', 'RETRY_ATTEMPTS'), '0')
  assert.equal(value('dead-attempts', 'RETRY_ATTEMPTS'), '2')
  assert.equal(value('dead-attempts', 'EXHAUSTED_RETRY_CONDITION'), 'MaximumRetryAttempts')
  assert.equal(value('dead-attempts', 'ERROR_CODE'), 'ResourceNotFoundException')
  assert.equal(value('dead-attempts', 'SCHEDULED_TIME'), iso(moment))
  assert.ok(!found.has('dead-age'), 'its age allows more tries')
})

test('nothing fires again after down and up, and what came due meanwhile is left out', limit, async () => {
  const queue = await makeQueue(it, 'restart')
  const past = inSeconds(2)
  const meanwhile = inSeconds(5)
  const at = (when: Date) => ({ ScheduleExpression: `at(${wallClock(when, 'UTC')})`, Target: target(queue.arn) })
  await deploySchedules('restart', { past: at(past), meanwhile: at(meanwhile), afterwards: at(inSeconds(14)) })
  await waitFor('first firing', async () => ((await bodies(queue)).length > 0 ? true : undefined))
  await down({ folder: it.folder })
  await new Promise(done => setTimeout(done, Math.max(0, meanwhile.getTime() - Date.now() + 500)))
  await it.up()
  const [next] = await waitFor('firing after the restart', async () => {
    const found = await bodies(queue)
    return found.length > 0 ? found : undefined
  })
  assert.match(next?.arn ?? '', /restart-afterwards$/)
})
