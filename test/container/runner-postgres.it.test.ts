import assert from 'node:assert/strict'
import { test } from 'node:test'
import { skipWithout } from '../need.ts'
import { startBucket } from './bucket.ts'
import { startPostgres } from './postgres.ts'
import { makeCleanFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, startRunner, step } from './runner.ts'

const PASSWORD = 'password-of-the-test'

test('PostgreSQL: a good run, a refused login, an interrupted query', {
  skip: skipWithout('postgres'),
  timeout: 150_000,
}, async t => {
  const { folder, later } = makeCleanFolder(fn => t.after(fn))
  const bucket = await startBucket()
  later(() => bucket.close())
  const postgres = await startPostgres(folder, PASSWORD)
  later(() => postgres.stop())
  const repository = makeRepository(folder, {
    ...SHOP,
    'models/slow.sql': "{{ config(tags=['slow']) }} select pg_sleep(600)::text as slept",
  })
  const start = (password: string, args: string[]) => {
    bucket.objects.clear()
    const plan = makePlan(repository, folder, {
      dbt: { engine: 'core-1.11', target: 'prod', profiles: postgres.profiles('SHOP_PASSWORD') },
      variables: {},
      secrets: ['SHOP_PASSWORD'],
      steps: [step(0, 'checkout'), step(1, 'dbt', args)],
    })
    return startRunner(bucket, plan, folder, { SHOP_PASSWORD: password })
  }

  await t.test('a good run', async () => {
    const end = await start(PASSWORD, ['build', '--exclude', 'tag:slow']).end
    assert.equal(end.result?.outcome, 'success', end.output)
    assert.equal(end.result?.counts.success, 3)
  })
  await t.test('fault 18: the warehouse refuses the login', async () => {
    const end = await start('wrong-password', ['build']).end
    assert.equal(end.result?.reason, 'profile_error', end.output)
    assert.match(end.result?.message ?? '', /password authentication failed for user "shop"/)
    assert.ok(!end.output.includes('wrong-password'))
  })
  await t.test('fault 22: the query is cancelled in the database', async () => {
    const runner = start(PASSWORD, ['run', '--select', 'tag:slow'])
    await runner.said('START sql')
    await new Promise(resolve => setTimeout(resolve, 1_000))
    const stoppedAt = Date.now()
    runner.child.kill('SIGTERM')
    const end = await runner.end
    assert.equal(end.result?.reason, 'user_cancelled', end.output)
    assert.ok(Date.now() - stoppedAt < 60_000, `took ${Date.now() - stoppedAt} ms`)
  })
})
