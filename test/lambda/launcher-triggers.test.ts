import assert from 'node:assert/strict'
import { test } from 'node:test'
import { launch } from '../../lambda/common/launch.ts'
import { findSuperseded } from '../../lambda/dispatcher/line.ts'
import { drainDeadLetters } from '../../lambda/sweeper/letters.ts'
import type { Cause } from '../../shared/cause.ts'
import type { TriggerConfig } from '../../shared/config-model.ts'
import { UserError } from '../../shared/errors.ts'
import { ruleName } from '../../shared/schedule-names.ts'
import { makeCloud } from '../fakes/cloud.ts'
import { configOf, jobOf, runOf, scheduled } from '../fakes/records.ts'

const options = { timeout: 10_000 }
const trigger = (name: string, coalesce = false): TriggerConfig => ({
  kind: 'event',
  name,
  bus: 'default',
  pattern: {},
  coalesce,
})
const job = jobOf({ name: 'load', triggers: [trigger('s3'), trigger('loaded', true), { kind: 'commit', name: 'commit' }] })
const cloudWith = () => makeCloud(configOf([job, jobOf()]))
const sha = 'a'.repeat(40)

const objectEvent = (id: string, over: Record<string, unknown> = {}) => ({
  version: '0', id, source: 'aws.s3', 'detail-type': 'Object Created', account: '111122223333', time: '2026-11-22T02:00:00Z',
  region: 'eu-central-1', resources: ['arn:aws:s3:::raw'],
  detail: { bucket: { name: 'raw' }, object: { key: 'a b/ü.csv', size: 3, 'version-id': 'v1', sequencer: '0062E99A88DC407460' }, reason: 'PutObject' },
  ...over,
}) // biome-ignore format: an event as it comes
const input = (event: unknown, over: Record<string, unknown> = {}) => ({
  kind: 'event',
  job: 'shop/load',
  trigger: 's3',
  event,
  ...over,
})

test('an event makes a run that keeps what it was, within bounds', options, async () => {
  const cloud = cloudWith()
  const answer = await launch(cloud.deps, input(objectEvent('e-1')))
  const { cause, causeString } = await cloud.run(answer.run)
  assert.ok(cause.kind === 'event')
  assert.deepEqual(cause.object, { bucket: 'raw', key: 'a b/ü.csv', version: 'v1', sequencer: '0062E99A88DC407460' })
  assert.deepEqual([cause.eventId, cause.trigger, cause.time], ['e-1', 's3', '2026-11-22T02:00:00.000Z'])
  assert.equal(JSON.parse(cause.detail ?? '').reason, 'PutObject')
  assert.equal(causeString, 'event shop/load s3 raw/a b/ü.csv@0062E99A88DC407460')
  assert.deepEqual(cloud.calls, [{ to: 'dispatch', payload: { runs: [answer.run] } }])
  const large = await launch(cloud.deps, input(objectEvent('e-2', { source: 'acme', detail: { text: 'x'.repeat(200_000) } })))
  const run = await cloud.run(large.run)
  assert.ok(run.cause.kind === 'event' && run.cause.detail === undefined && run.cause.detailBytes > 200_000)
  assert.ok(JSON.stringify(run).length < 3000)
})

test(
  'fault 01: an event delivered twice, an object told of in two events: one run; another write is another run',
  options,
  async () => {
    const cloud = cloudWith()
    const acme = (id: string) => input(objectEvent(id, { source: 'acme' }), { trigger: 'loaded' })
    const claims = async (...events: unknown[]) =>
      new Set((await Promise.all(events.map(each => launch(cloud.deps, each)))).map(each => each.run)).size
    assert.equal(await claims(...Array.from({ length: 20 }, () => acme('e-1'))), 1)
    assert.equal(await claims(acme('e-1'), acme('e-2')), 2)
    assert.equal(await claims(input(objectEvent('e-3')), input(objectEvent('e-4'))), 1)
    const again = objectEvent('e-5')
    again.detail.object.sequencer = '0062E99A88DC407461'
    assert.equal(await claims(input(objectEvent('e-3')), input(again)), 2)
  },
)

test('a branch of CodeCommit that moved makes a run on that commit', options, async () => {
  const cloud = cloudWith()
  const event = (branch: string) => ({
    id: 'c-1',
    source: 'aws.codecommit',
    detail: { event: 'referenceUpdated', repositoryName: 'shop', referenceType: 'branch', referenceName: branch, commitId: sha },
  })
  const { run } = await launch(cloud.deps, { kind: 'codecommit', job: 'shop/load', event: event('main') })
  assert.deepEqual((await cloud.run(run)).cause, {
    kind: 'commit',
    repository: 'https://github.com/acme/shop.git',
    sha,
    eventId: 'c-1',
    branch: 'main',
  })
  await assert.rejects(
    launch(cloud.deps, { kind: 'codecommit', job: 'shop/load', event: event('dev') }),
    /no trigger for commit on dev/,
  )
})

test('what no job waits for any more, and what is no input, is refused by name', options, async () => {
  const cloud = cloudWith()
  for (const bad of [
    input(objectEvent('e'), { trigger: 'gone' }),
    input(objectEvent('e'), { job: 'shop/nightly' }),
    input(objectEvent('')),
    input({ ...objectEvent('e'), time: 'soon' }),
    input(undefined),
    { kind: 'commit', job: 'shop/nightly', branch: 'main', sha, eventId: '1' },
    { kind: 'commit', job: 'shop/load', branch: 'main', sha: 'main', eventId: '1' },
    { kind: 'commit', job: 'shop/load', branch: 'main', sha, eventId: 'x'.repeat(200) },
    { kind: 'request', job: 'shop/load', caller: 'anybody', idempotencyKey: 'k' },
    { kind: 'other' },
  ])
    await assert.rejects(launch(cloud.deps, bad), UserError, JSON.stringify(bad))
  assert.deepEqual(cloud.calls, [])
})

test('an event that could not be delivered is launched late by the sweeper, once', options, async () => {
  const cloud = cloudWith()
  const envelope = { requestContext: { functionArn: 'launcher' }, requestPayload: input(objectEvent('e-1')), responsePayload: {} }
  cloud.letters.push(
    { id: '1', body: JSON.stringify(envelope), receipt: 'r1' },
    { id: '2', body: JSON.stringify(envelope), receipt: 'r2' },
  )
  assert.equal(await drainDeadLetters(cloud.deps, () => true), 2)
  assert.deepEqual((await cloud.store.open('WAIT#')).length, 1)
  assert.deepEqual(cloud.letters, [])
})

test(
  'a letter that EventBridge itself left holds the bare event: the rule says for which job, however long its name',
  options,
  async () => {
    const cloud = cloudWith()
    const { installation } = await cloud.deps.configs.load(cloud.deps.configs.current)
    const rule = (name: string, job_ = 'shop/load') =>
      `arn:aws:events:eu-central-1:123456789012:rule/partner-bus/${ruleName(installation, job_, name)}`
    const letter = (id: string, body: unknown, arn: string) =>
      cloud.letters.push({ id, body: JSON.stringify(body), receipt: id, rule: arn, error: 'NO_PERMISSIONS: may not be called' })
    const push = {
      ...{ version: '0', id: 'c-1', source: 'aws.codecommit', 'detail-type': 'CodeCommit Repository State Change' },
      detail: {
        event: 'referenceUpdated',
        repositoryName: 'shop',
        referenceType: 'branch',
        referenceName: 'main',
        commitId: sha,
      },
    }
    letter('1', objectEvent('e-1'), rule('s3'))
    letter('2', objectEvent('e-1'), rule('s3'))
    letter('3', push, rule('commit'))
    letter('4', objectEvent('e-2'), rule('gone'))
    letter(
      '5',
      { source: 'aws.ecs', 'detail-type': 'ECS Task State Change' },
      'arn:aws:events:eu-central-1:123456789012:rule/Tasks-1',
    )
    assert.equal(await drainDeadLetters(cloud.deps, () => true), 5)
    const runs = await cloud.store.runs((await cloud.store.open('WAIT#')).map(entry => entry.pk.slice('RUN#'.length)))
    assert.deepEqual(runs.map(({ job: name, cause }) => [name, cause.kind]).sort(), [
      ['load', 'commit'],
      ['load', 'event'],
    ])
    assert.equal(cloud.lines.filter(line => line.includes('dead letter dropped')).length, 2)
    assert.ok(cloud.lines.some(line => line.includes('NO_PERMISSIONS') && line.includes('on-gone')))
    assert.deepEqual(cloud.letters, [])
  },
)

test('of waiting runs the newest push of a branch stays, and the newest event where the trigger says so', () => {
  const event = (trigger: string, id: string): Cause => ({
    kind: 'event', trigger, eventId: id, source: 'a', detailType: 't', time: 'x', detailBytes: 2,
  }) // biome-ignore format: one line
  const commit = (branch: string, id: string): Cause => ({ kind: 'commit', repository: 'r', sha, eventId: id, branch })
  const causes = [
    event('s3', '1'), event('s3', '2'), event('loaded', '1'), event('loaded', '2'), commit('main', '1'), commit('dev', '1'), commit('main', '2'),
    scheduled('2026-11-22T03:00:00.000Z'), scheduled(),
  ] // biome-ignore format: a table
  const runs = causes.map((cause, index) => runOf(index + 1, { job: 'load', cause }))
  const numbers = (of = job) =>
    [...findSuperseded(runs, () => of)].map(([id, newer]) => [id, newer.id].map(each => Number.parseInt(each.slice(-12), 16)))
  assert.deepEqual(numbers(), [[3, 4], [5, 7], [9, 8]]) // biome-ignore format: a table
  assert.deepEqual(numbers(jobOf({ ...job, overlap: 'allow' })), [])
})
