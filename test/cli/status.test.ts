import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findLate } from '../../cli/late-firings.ts'
import { statusCommand } from '../../cli/status.ts'
import { causeString, DEPLOYMENTS_KEY, KEY, PK } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'
import { hashText } from '../fakes/hash.ts'
import { config as fullConfig, job } from '../lib/fixture.ts'
import { fakeConnection, fakeContext, input, makeRun, NOW } from './fakes.ts'

const ID = '20261122T010004-9f3ac2d1b7e4'
const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000).toISOString()
const utc = [{ name: 'default', cron: '0 2 * * *', expressions: ['cron(0 2 * * ? *)'], timezone: 'UTC', enabled: true }]
const CONFIG = fullConfig({
  jobs: { 'ferry/nightly': job('nightly', { schedules: utc }), 'ferry/hourly': job('hourly', { schedules: [] }) },
})
const due = { kind: 'schedule', schedule: 'default', scheduledFor: '2026-11-22T02:00:00.000Z' } as const
const cause = { pk: PK.cause(hashText(causeString('ferry/nightly', due))), run: ID }
const swept = { pk: PK.sweep, checkedUntil: at(-3) }
const run = (fields: Partial<RunRecord> = {}) => makeRun(ID, { project: 'ferry', ...fields })

async function status(runs: RunRecord[], items: Record<string, unknown>[]) {
  const outcome = await statusCommand.run(fakeContext(fakeConnection({ runs, items, config: CONFIG })), input())
  return {
    text: outcome.lines.join('\n'),
    code: outcome.exitCode,
    problems: (outcome.document as { problems: string[] }).problems,
  }
}

test('status: all well ends with 0', async () => {
  const { text, code, problems } = await status([run({ endedAt: at(-600) })], [cause, swept])
  assert.deepEqual([code, problems], [0, []])
  assert.match(text, /^tm in eu-central-1: 2 jobs\n/)
  assert.match(text, /✓ +ok +ferry\/nightly .*today 01:00 success +Mon 23 Nov 02:00/)
  assert.match(text, /✓ +ok +ferry\/hourly +never/)
})

test('status: a firing without a run, a failing job, a silent sweeper and an undelivered message each end with 1', async () => {
  const one = async (items: Record<string, unknown>[], runs: RunRecord[] = [run()]) => {
    const { code, problems, text } = await status(runs, items)
    assert.equal(code, 1)
    assert.ok(problems.every(problem => text.includes(problem)))
    return problems.join('\n')
  }
  assert.equal(await one([swept]), 'ferry/nightly did not run: due today 02:00 UTC')
  const streak = { failures: 3, since: at(-4000) }
  assert.equal(await one([cause, swept, { pk: PK.job('ferry/nightly'), streak }]), 'ferry/nightly: 3 failed runs in a row')
  assert.match(await one([cause, { ...swept, checkedUntil: at(-20) }]), /The sweeper has been silent for 20 min/)
  const message = { pk: 'MSG#1', openKey: 'OPEN#3', openSort: `MSG#${at(-30)}` }
  assert.match(await one([cause, swept, message]), /1 message not delivered, the oldest since 30 min/)
  const good = [1, 2, 3].map(day => ({
    ...run({ status: 'success', startedAt: at(-1440 * day), endedAt: at(-1440 * day + 10) }),
    id: `2026112${day}T010004-9f3ac2d1b7e4`,
  }))
  const slow = { ...run({ status: 'running', startedAt: at(-45) }), id: '20261122T110004-9f3ac2d1b7e4' }
  assert.match(await one([cause, swept], [...good, slow]), /takes longer than usual \(10m 00s\): 20261122T110004/)
  const again = { ...slow, retries: [{ at: at(-6), actor: 'ana', attempts: 1 }], attempts: [{}, { startedAt: at(-5) }] }
  assert.deepEqual((await status([...good, again as never], [cause, swept])).problems, [], 'a retry has its time anew')
})

test('status: of a local time that comes twice the second is waited for', async () => {
  const schedules = [{ ...utc[0], cron: '30 2 * * *', timezone: 'Europe/Berlin' } as never]
  const config = fullConfig({ jobs: { 'ferry/nightly': job('nightly', { schedules }) } })
  const late = (now: string) => findLate(fakeConnection({ config }), config, new Date(now))
  assert.deepEqual([...(await late('2026-10-25T01:30:00Z'))], [])
  assert.equal((await late('2026-10-25T02:10:00Z')).get('ferry/nightly')?.due, '2026-10-25T00:30:00.000Z')
})

test('status: what was due before it was deployed that way is not late', async () => {
  const deployment = (minutes: number, hash: string, fields: object = { since: at(minutes) }) => ({
    ...{ pk: PK.deployment(`${at(minutes)}-1`), jobKey: DEPLOYMENTS_KEY },
    ...{ id: `${at(minutes)}-1`, hash, at: at(minutes), by: 'ana', ...fields },
  })
  const other = fullConfig({
    jobs: { 'ferry/nightly': job('nightly', { schedules: [{ ...utc[0], cron: '0 3 * * *' } as never] }) },
  })
  const objects = {
    [KEY.config('now')]: Buffer.from(JSON.stringify(CONFIG)),
    [KEY.config('then')]: Buffer.from(JSON.stringify(other)),
  }
  const problemsOf = async (...deployments: object[]) => {
    const items = [swept, ...deployments] as Record<string, unknown>[]
    const outcome = await statusCommand.run(fakeContext(fakeConnection({ items, objects, config: CONFIG })), input())
    return (outcome.document as { problems: string[] }).problems
  }
  const late = ['ferry/nightly did not run: due today 02:00 UTC']
  assert.deepEqual(await problemsOf(deployment(-5, 'now')), [], 'deployed after it was due')
  assert.deepEqual(await problemsOf(deployment(-1400, 'now')), late)
  assert.deepEqual(await problemsOf(deployment(-1400, 'now', {})), [], 'no sweeper has run with it yet')
  const unswept = fakeContext(fakeConnection({ items: [deployment(-40, 'now', {})] as never, objects, config: CONFIG }))
  assert.deepEqual(((await statusCommand.run(unswept, input())).document as { problems: string[] }).problems, [
    'The sweeper has never run since the deployment 40 min ago; runbook: sweeper-silent',
  ])
  assert.deepEqual(await problemsOf(deployment(-1400, 'then'), deployment(-5, 'now')), [], 'it was due at another time then')
  assert.deepEqual(await problemsOf(deployment(-1400, 'now'), deployment(-5, 'then')), late)
})

test('status: who paused and since when; what is paused is neither late nor failing', async () => {
  const paused = { at: at(-90), actor: 'arn:aws:iam::1:user/ana' }
  const streak = { failures: 3, since: at(-4000) }
  const { text, code } = await status([], [swept, { pk: PK.job('ferry/nightly'), paused, streak }])
  assert.equal(code, 0)
  assert.match(text, /‖ +paused +ferry\/nightly +paused since today 10:30 by arn:aws:iam::1:user\/ana/)
  const whole = await status([], [swept, { pk: PK.environment('ferry/prod'), paused }])
  assert.match(whole.text, /2 paused\. Paused: environment ferry\/prod/)
  assert.match(whole.text, /environment paused since today 10:30/)
})

test('status: what runs and what waits', async () => {
  const running = run({ status: 'running', startedAt: at(-5) })
  const waiting = makeRun('20261122T115904-9f3ac2d1b7e5', { project: 'ferry', status: 'queued' })
  const { text } = await status([running, waiting], [cause, swept])
  assert.match(text, /1 running, 1 waiting/)
  assert.match(text, /◔ +running +ferry\/nightly +running for 5m 00s, 1 waiting/)
})
