import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notifyCommand } from '../../cli/notify.ts'
import { statusCommand } from '../../cli/status.ts'
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
import { FAILED_MESSAGES_KEY, PK } from '../../shared/contract.ts'
import { config, job } from '../lib/fixture.ts'
import { fakeClock, fakeConnection, fakeContext, input, NOW } from './fakes.ts'

const RUN = '20261122T010004-9f3ac2d1b7e4'
const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000).toISOString()
const lost = (channel: string, target: string, minutes: number) => {
  const pk = PK.message(RUN, 'error', channel, target)
  return {
    ...{ pk, runId: RUN, kind: 'error', channel, target, state: 'failed' as string, failedAt: at(minutes) },
    ...{ lastError: 'hooks.example answered 404: no_team\u001b[31m', jobKey: FAILED_MESSAGES_KEY, id: `${at(minutes)}#${pk}` },
  }
}
const CONFIG = config({ jobs: { 'ferry/nightly': job('nightly', { schedules: [] }) } })

function installation(items: Record<string, unknown>[], api?: (request: ApiRequest) => ApiResponse) {
  const clock = fakeClock(() => {
    for (const item of items) if (item.state === 'pending') item.state = 'sent'
  })
  const connection = fakeConnection({ items, config: CONFIG, ...(api && { api }) })
  return { connection, context: fakeContext(connection, { effects: { clock } }) }
}

test('messages that were given up are listed, newest first, with the answer of the receiver and what to do', async () => {
  const items = [lost('slack', '#data', -60), lost('teams', '', -10), lost('email', '', -60 * 24 * 5)]
  const { context } = installation(items)
  const { lines, document } = await notifyCommand.run(context, input({}, { failed: true }))
  assert.match(
    lines[1] ?? '',
    /^✗ +today 11:50 +error +teams +20261122T010004-9f3ac2d1b7e4 +hooks.example answered 404: no_team$/,
  )
  assert.match(lines[2] ?? '', /today 11:00 +error +slack #data/)
  assert.equal(lines.at(-1), '  tidemill notify --resend   2 messages again')
  assert.equal((document as { messages: unknown[] }).messages.length, 2)
  const week = await notifyCommand.run(context, input({}, { failed: true, since: '7d' }))
  assert.equal(week.lines.at(-1), '  tidemill notify --resend --since 7d   3 messages again')
  const none = await notifyCommand.run(installation([]).context, input({}, { failed: true }))
  assert.deepEqual(none.lines, ['No message was given up since 3d.'])
})

test('what is asked is one thing', async () => {
  const ask = (options: Record<string, unknown>) => notifyCommand.run(installation([]).context, input({}, options as never))
  await assert.rejects(ask({ test: true, resend: true }), /--test and --resend cannot be given together/)
  await assert.rejects(ask({ since: '2h' }), /--since belongs to --failed or --resend/)
})

test('they are sent again in the order they came, and how each went is said', async () => {
  const items = [lost('slack', '#data', -60), lost('teams', '', -10)]
  const { connection, context } = installation(items, request => {
    assert.ok(request.operation === 'notify')
    for (const item of items) if (item.channel === 'slack') Object.assign(item, { state: 'pending', lastError: undefined })
    return { ok: true, messages: request.messages ?? [], message: '2 messages on their way again.' }
  })
  const { lines, exitCode } = await notifyCommand.run(context, input({}, { resend: true }))
  assert.deepEqual(connection.requests, [{ operation: 'notify', messages: items.map(item => item.pk) }])
  assert.deepEqual(context.said, ['2 messages on their way again.'])
  assert.equal(lines[0], '✓ slack #data')
  assert.match(lines[1] ?? '', /^✗ teams {3}hooks.example answered 404/)
  assert.equal(exitCode, 3)
})

test('status names their number, and a monitor is not woken by it: the alarm has told', async () => {
  const swept = { pk: PK.sweep, checkedUntil: at(-3) }
  const { context } = installation([lost('slack', '#data', -60), swept])
  const { lines, exitCode } = await statusCommand.run(context, input())
  assert.ok(lines.includes('! 1 message given up in 3d: tidemill notify --failed'))
  assert.equal(exitCode, 0)
})
