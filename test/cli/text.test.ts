import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainAwsError } from '../../cli/aws-errors.ts'
import { messageText } from '../../cli/demo-receiver.ts'
import { comingFirings } from '../../cli/firings.ts'
import { ADAPTERS } from '../../cli/init-adapters.ts'
import { addressOf, withoutCredentials } from '../../cli/init-detect.ts'
import { profilesYml, tidemillYml } from '../../cli/init-files.ts'
import { makeStages } from '../../cli/progress.ts'
import { causeText, shortCause } from '../../cli/run-text.ts'
import { makeStyle, wantsColor } from '../../cli/style.ts'
import { formatTable } from '../../cli/table.ts'
import type { Cause } from '../../shared/cause.ts'
import { loadConfig } from '../../shared/config.ts'
import type { JobConfig } from '../../shared/config-model.ts'
import { fakeClock, fakeSink } from './fakes.ts'

const job = (cron: string, timezone: string): JobConfig =>
  ({
    project: 'shop',
    name: 'nightly',
    schedules: [{ name: 'default', cron, timezone, enabled: true, expressions: [] }],
  }) as unknown as JobConfig
const notes = (cron: string, from: string, count: number) =>
  comingFirings([job(cron, 'Europe/Berlin')], new Date(from), count).map(({ local, at, note }) =>
    `${local} ${at?.slice(0, 16) ?? '-'} ${note ?? ''}`.trim(),
  )

test('fault 44: next shows the spring gap as skipped, and where summer time begins', () => {
  assert.deepEqual(notes('30 2 * * *', '2027-03-27T00:00:00Z', 2), [
    '2027-03-27T02:30 2027-03-27T01:30',
    '2027-03-28T02:30 - skipped',
    '2027-03-29T02:30 2027-03-29T00:30 summer',
  ])
})

test('fault 44: next shows a local time that comes twice once, and where winter time begins', () => {
  assert.deepEqual(notes('30 2 * * *', '2026-10-24T00:00:00Z', 3), [
    '2026-10-24T02:30 2026-10-24T00:30',
    '2026-10-25T02:30 2026-10-25T00:30 twice',
    '2026-10-26T02:30 2026-10-26T01:30 winter',
  ])
})

test('firings of several jobs are in order of time, so many of each', () => {
  const early = { ...job('0 1 * * *', 'UTC'), name: 'early' }
  const late = { ...job('0 3 * * *', 'UTC'), name: 'late' }
  const firings = comingFirings([late, early], new Date('2026-11-22T02:00:00Z'), 2)
  assert.deepEqual(
    firings.map(({ job: name, local }) => `${name} ${local}`),
    ['shop/late 2026-11-22T03:00', 'shop/early 2026-11-23T01:00', 'shop/late 2026-11-23T03:00', 'shop/early 2026-11-24T01:00'],
  )
})

test('progress on a terminal redraws one line, and ends it', () => {
  const sink = fakeSink(true, 40)
  const clock = fakeClock()
  const stages = makeStages(sink, clock, makeStyle(false))
  stages.start('deploy', 'waiting for CloudFormation to make many things')
  assert.equal(clock.ticks.length, 1)
  clock.ticks[0]?.()
  stages.end('success', '46 resources')
  assert.equal(clock.ticks.length, 0, 'no timer is left')
  const drawn = sink.text.split('\r\u001b[2K').filter(text => text !== '')
  assert.ok(drawn.slice(0, -1).every(text => text.startsWith('◔ deploy') && text.length < 40))
  assert.equal(drawn.at(-1), '✓ deploy              0s   46 resources\n')
})

test('progress without a terminal is one plain line for each stage', () => {
  const sink = fakeSink()
  const stages = makeStages(sink, fakeClock(), makeStyle(false))
  stages.start('one', 'waiting')
  stages.note('still')
  stages.start('two')
  stages.end('error', 'it broke\nbadly')
  assert.equal(sink.text, '✓ one                 0s   still\n✗ two                 0s   it broke badly\n')
})

test('colours need a terminal and no NO_COLOR', () => {
  assert.equal(wantsColor(true, {}, true), true)
  assert.equal(wantsColor(false, {}, true), false)
  assert.equal(wantsColor(true, { NO_COLOR: '1' }, true), false)
  assert.equal(wantsColor(true, { TERM: 'dumb' }, true), false)
  assert.equal(wantsColor(true, {}, false), false)
})

test('a table gives way only where it may', () => {
  const lines = formatTable([{ title: 'A', shrinkTo: 5 }, { title: 'B' }], [[{ text: 'abcdefghij' }, { text: 'whole' }]], 13)
  assert.deepEqual(lines, ['A       B', 'abcde…  whole'])
})

const where = { installation: 'tm', region: 'eu-central-1' }
const awsError = (name: string, message: string, fields: object = {}) => Object.assign(new Error(message), { name, ...fields })
for (const [name, error, pattern] of [
  [
    'no credentials',
    awsError('CredentialsProviderError', 'Could not load credentials from any providers'),
    /No AWS credentials.*aws sso login/,
  ],
  [
    'an expired session',
    awsError('ExpiredTokenException', 'The security token included in the request is expired'),
    /have expired.*Sign in again/,
  ],
  [
    'an expired single sign-on',
    awsError('CredentialsProviderError', 'The SSO session associated with this profile has expired'),
    /have expired/,
  ],
  ['an unknown key', awsError('UnrecognizedClientException', 'The security token is invalid'), /refused the credentials/],
  ['no region', awsError('Error', 'Region is missing'), /No AWS region.*--region/],
  [
    'missing rights',
    awsError('AccessDeniedException', 'User: arn:aws:iam::123456789012:user/ana is not authorized'),
    /user\/ana.*policy tm-eu-central-1-viewer/,
  ],
  [
    'no network',
    awsError('Error', 'connect', { code: 'ECONNREFUSED' }),
    /AWS does not answer \(ECONNREFUSED, region eu-central-1\)/,
  ],
] as const)
  test(`${name}: says what to do`, () => {
    const explained = explainAwsError(error, where, 'viewer')
    assert.match(`${explained?.message} ${explained?.hint}`, pattern)
    assert.equal(explained?.exitCode, 3)
  })

test('a local cloud that is down is called that; an error of ours stays what it is', () => {
  const local = { ...where, localEndpoint: 'http://127.0.0.1:4566' }
  assert.match(explainAwsError(awsError('Error', '', { code: 'ECONNREFUSED' }), local, 'viewer')?.hint ?? '', /tidemill local up/)
  assert.equal(explainAwsError(new TypeError('x is not a function'), where, 'viewer'), undefined)
})

const ANSWERS = {
  installation: 'tidemill',
  project: 'shop',
  repository: 'https://github.com/acme/shop.git',
  branch: 'main',
  folder: 'dbt',
  engine: 'core-1.11',
  adapter: 'duckdb',
  profileName: 'shop',
  target: 'prod',
  timezone: 'Europe/Berlin',
}

for (const adapter of Object.keys(ADAPTERS))
  test(`what init writes for ${adapter} is what validate takes`, () => {
    const repository = adapter === 'postgres' ? 'git@github.com:acme/shop.git' : 'https://github.com/acme/shop.git'
    const answers = { ...ANSWERS, adapter, repository }
    const result = loadConfig({
      path: 'tidemill.yml',
      text: tidemillYml(answers, false),
      read: path => (path === 'profiles.yml' ? profilesYml(answers) : undefined),
    })
    assert.deepEqual(result.ok ? [] : result.problems, [])
    assert.ok(result.ok && result.config.environments['shop/prod']?.profiles?.includes(`type: ${adapter}`))
  })

test('a token in the address of a remote does not get into the file', () => {
  assert.equal(withoutCredentials('https://x-token:abc@github.com/acme/shop.git'), 'https://github.com/acme/shop.git')
  assert.equal(withoutCredentials('git@github.com:acme/shop.git'), 'git@github.com:acme/shop.git')
})

test('a remote that is a folder of this machine becomes an address', () => {
  assert.equal(addressOf('/srv/git/shop', '/home/ana/shop'), 'file:///srv/git/shop')
  assert.equal(addressOf('../origin.git', '/home/ana/shop'), 'file:///home/ana/origin.git')
  assert.equal(addressOf('https://t:abc@github.com/acme/shop.git', '/home'), 'https://github.com/acme/shop.git')
  assert.equal(addressOf('git@github.com:acme/shop.git', '/home'), 'git@github.com:acme/shop.git')
})

test('two projects on one machine do not begin with one DuckDB file', () => {
  const answers = { ...ANSWERS, adapter: 'duckdb' }
  assert.match(tidemillYml(answers, false), /gone when the run ends[\s\S]*WAREHOUSE_PATH: "\/tmp\/shop\.duckdb"/)
  assert.doesNotMatch(tidemillYml(answers, true), /WAREHOUSE_PATH/)
})

test('the text of a Slack message is what a person would read', () => {
  const blocks = [
    { type: 'section', text: { type: 'mrkdwn', text: 'a &lt; b' } },
    { type: 'context', elements: [{ type: 'mrkdwn', text: 'c' }] },
  ]
  assert.equal(messageText(JSON.stringify({ text: 'short', blocks })), 'a < b\nc')
  assert.equal(messageText('{"text":"short"}'), 'short')
  assert.equal(messageText('not JSON'), 'not JSON')
})

test('the cause of a run fits a column, and is whole in show', () => {
  const causes: [Cause, string, string][] = [
    [{ kind: 'schedule', schedule: 'default', scheduledFor: 'T' }, 'schedule', 'schedule default, due T'],
    [{ kind: 'schedule', schedule: 'morning', scheduledFor: 'T' }, 'morning', 'schedule morning, due T'],
    [
      { kind: 'upstream', run: 'r2', job: 'shop/b', status: 'warn', others: [{ run: 'r1', job: 'shop/a', status: 'success' }] },
      'after b and a',
      'after run r2 of shop/b (warn) and r1 of shop/a (success)',
    ],
    [
      { kind: 'commit', repository: 'acme/shop', sha: '4f2c1ab'.repeat(6), eventId: '1', branch: 'main' },
      'push main',
      'commit 4f2c1ab of acme/shop, branch main',
    ],
    [
      {
        kind: 'event',
        trigger: 's3',
        eventId: '1',
        source: 'aws.s3',
        detailType: 'Object Created',
        time: 'T',
        detailBytes: 2,
        object: { bucket: 'raw', key: 'a\nb.csv' },
      },
      's3://raw/a b.csv',
      'event s3://raw/a b.csv, T',
    ],
    [{ kind: 'request', actor: 'secret:ci', idempotencyKey: 'k' }, 'ci', 'request by secret:ci'],
  ]
  for (const [cause, short, whole] of causes) assert.deepEqual([shortCause(cause), causeText(cause)], [short, whole])
})
