import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOW } from '../fakes/records.ts'
import { CI, makeWebhook, signed } from './webhook-fixture.ts'

const options = { timeout: 10_000 }
const now = Math.round(Date.parse(NOW) / 1000)

test('a signed request starts a run, once, and asked again answers with what became of it', options, async () => {
  const hook = makeWebhook(['vars'])
  const body = JSON.stringify({ job: 'shop/load', idempotencyKey: 'dag-7', overrides: { vars: { day: '2027-01-31' } } })
  const post = () => hook.post('/run', body, signed(body, now, CI))
  const first = await post()
  assert.deepEqual([first.status, first.body?.status, first.body?.existed], [200, 'queued', false])
  const again = await Promise.all([post(), post()])
  for (const answer of again) assert.deepEqual([answer.body?.run, answer.body?.existed], [first.body?.run, true])
  assert.deepEqual(await hook.starts(), [
    {
      job: 'load',
      cause: { kind: 'request', actor: 'secret:ci', idempotencyKey: 'dag-7' },
      overrides: { vars: { day: '2027-01-31' } },
    },
  ])
  assert.deepEqual(
    hook.cloud.store.audits.map(({ actor, operation, job, ok }) => [actor, operation, job, ok]),
    [['secret:ci', 'run', 'shop/load', true]],
  )
})

test('a signed request is held to its time, its form, and what the job lets it change', options, async () => {
  const hook = makeWebhook(['full_refresh'])
  const ask = (value: object, at = now) => {
    const body = JSON.stringify({ job: 'shop/load', idempotencyKey: 'k', ...value })
    return hook.post('/run', body, signed(body, at, CI))
  }
  const cases: [object, number, RegExp][] = [
    [{ idempotencyKey: '' }, 400, /idempotencyKey is missing/],
    [{ idempotencyKey: 'x'.repeat(201) }, 400, /longer than 200/],
    [{ overrides: { vars: { a: 1 } } }, 403, /overrides\.vars: the job does not let a request change it \(only fullRefresh\)/],
    [{ overrides: { steps: ['dbt run-operation drop_all'] } }, 403, /overrides\.steps/],
    [{ overrides: [] }, 400, /overrides/],
    [{ pad: 'x'.repeat(33_000) }, 413, /32 KB/],
  ]
  for (const [value, status, message] of cases) {
    const answer = await ask(value)
    assert.equal(answer.status, status, JSON.stringify(value).slice(0, 100))
    assert.match(answer.body?.message ?? '', message)
  }
  const late = await ask({}, now - 600)
  assert.deepEqual([late.status, /seconds apart/.test(late.body?.message ?? '')], [401, true])
  assert.deepEqual(await hook.starts(), [])
  assert.equal((await ask({ overrides: { fullRefresh: true } })).status, 200)
  await hook.cloud.store.pause('shop/load', { at: NOW, actor: 'local:ana' })
  const paused = await ask({ idempotencyKey: 'k2' })
  assert.equal(paused.status, 409)
  assert.match(paused.body?.message ?? '', /paused/)
})
