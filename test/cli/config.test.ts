import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configDiffCommand, configHistoryCommand } from '../../cli/config.ts'
import { diffConfigs } from '../../shared/config-diff.ts'
import type { Config } from '../../shared/config-model.ts'
import { DEPLOYMENTS_KEY, KEY, PK } from '../../shared/contract.ts'
import { UserError } from '../../shared/errors.ts'
import { hashText } from '../fakes/hash.ts'
import { config, environment, job } from '../lib/fixture.ts'
import { fakeConnection, fakeContext, input } from './fakes.ts'

const before = config({
  environments: {
    'ferry/prod': environment('prod', {
      secrets: { DBT_PASSWORD: { name: 'prod/warehouse', field: null } },
      profiles: 'a:\n  b: 1\n',
    }),
    'ferry/staging': environment('staging'),
  },
  jobs: { 'ferry/nightly': job('nightly'), 'ferry/hourly': job('hourly', { environment: 'staging' }) },
})
const after = config({
  environments: {
    'ferry/prod': environment('prod', {
      secrets: { DBT_PASSWORD: { name: 'prod/new', field: 'password' } },
      profiles: 'a:\n  b: 2\n',
      maxRunning: 3,
    }),
    'ferry/test': environment('test'),
  },
  jobs: {
    'ferry/nightly': job('nightly', {
      timeoutSeconds: 7200,
      steps: [{ name: 'run', args: ['run', '--select', 'a b'] }],
      notify: [{ channel: 'email', target: '', on: ['error'] }],
    }),
  },
})

test('a difference names jobs, environments and options as the file does, with old and new', () => {
  const changes = diffConfigs(before, after).map(({ where, option, before: was, after: is }) => [where, option, was, is])
  assert.deepEqual(changes, [
    ['environments.ferry/prod', 'max_running', '10', '3'],
    ['environments.ferry/prod', 'profiles', '2 lines, #b45000ef', '2 lines, #ea529488'],
    ['environments.ferry/prod', 'secrets.DBT_PASSWORD.field', undefined, 'password'],
    ['environments.ferry/prod', 'secrets.DBT_PASSWORD.name', 'prod/warehouse', 'prod/new'],
    ['environments.ferry/staging', undefined, 'removed', undefined],
    ['environments.ferry/test', undefined, undefined, 'added'],
    ['jobs.ferry/hourly', undefined, 'removed', undefined],
    ['jobs.ferry/nightly', 'notify', undefined, '{"channel":"email","target":"","on":["error"]}'],
    ['jobs.ferry/nightly', 'steps', 'dbt build', 'dbt run --select a b'],
    ['jobs.ferry/nightly', 'timeout', '60 min', '2 h'],
  ])
  assert.deepEqual(diffConfigs(before, before), [])
})

const deployed = (value: Config, at: string) => {
  const hash = hashText(JSON.stringify(value))
  return { pk: PK.deployment(at), jobKey: DEPLOYMENTS_KEY, id: `${at}-x`, hash, at, by: 'arn:aws:iam::1:user/ana' }
}
const items = [
  deployed(before, '2026-11-20T10:00:00Z'),
  deployed(after, '2026-11-22T09:00:00Z'),
  deployed(before, '2026-11-21T10:00:00Z'),
]
const objects = Object.fromEntries(
  [before, after].map(each => [KEY.config(hashText(JSON.stringify(each))), Buffer.from(JSON.stringify(each))]),
)
const connection = () => fakeConnection({ items, objects })

test('config history: newest first, who and when', async () => {
  const { lines } = await configHistoryCommand.run(fakeContext(connection()), input())
  assert.equal(lines.length, 4)
  assert.match(lines[1] ?? '', new RegExp(`✓ +today 09:00 +${items[1]?.hash.slice(0, 12)} +arn:aws:iam::1:user/ana`))
  assert.match(lines[3] ?? '', /Fri 20 Nov 10:00/)
})

test('config diff: the one before against the current one, or any two by the beginning of their hashes', async () => {
  const diff = async (words: Record<string, string> = {}) =>
    (await configDiffCommand.run(fakeContext(connection()), input(words))).lines
  const lines = await diff()
  assert.equal(lines[0], `${items[0]?.hash.slice(0, 12)} to ${items[1]?.hash.slice(0, 12)}`)
  assert.ok(
    lines.includes('- jobs.ferry/hourly') && lines.includes('    + timeout: 2 h') && lines.includes('  jobs.ferry/nightly'),
  )
  const hash = items[1]?.hash ?? ''
  assert.deepEqual(await diff({ before: hash.slice(0, 6), after: 'current' }), [
    `${hash.slice(0, 12)} and ${hash.slice(0, 12)} are the same.`,
  ])
  for (const word of ['ffff', 'HEAD'])
    await assert.rejects(
      diff({ before: word }),
      (error: unknown) => error instanceof UserError && /No configuration/.test(error.message),
    )
  await assert.rejects(configDiffCommand.run(fakeContext(fakeConnection({})), input()), /No deployment is recorded/)
})
