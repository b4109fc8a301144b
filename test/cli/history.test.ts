import assert from 'node:assert/strict'
import { test } from 'node:test'
import { historyCommand, historyRebuildCommand } from '../../cli/history.ts'
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
import { UserError } from '../../shared/errors.ts'
import { HISTORY_KEY } from '../../shared/history-index.ts'
import { fakeClock, fakeConnection, fakeContext, input } from './fakes.ts'
import { makeHistory, runRow } from './sql-history.ts'

const options = { timeout: 5000 }
const LEASE = 'LEASE#compactor'

const history = () =>
  makeHistory(
    {
      runs: ['2026-09-30T02:00:00Z', '2026-10-01T02:00:00Z', '2026-10-02T02:00:00Z', '2026-10-02T03:00:00Z'].map(at =>
        runRow(at),
      ),
    },
    { months: ['2026-09'], days: ['2026-10-01'] },
  )

test('before the first run has ended: that, and no error', options, async () => {
  const { lines, document } = await historyCommand.run(fakeContext(fakeConnection({})), input())
  assert.deepEqual(lines, [
    'No run has ended yet: the history begins with the end of the first one.',
    'If runs did end:  tidemill history rebuild',
  ])
  const { runs, days, files, left } = document as Record<string, unknown>
  assert.deepEqual([runs, days, files, left], [0, 0, 0, []])
})

test('days, files of days and months, and what is not compacted', options, async () => {
  const objects = history()
  const items = [{ pk: LEASE, again: new Set(['daily']), doing: new Set(['2026-10-02']) }]
  const { lines, document } = await historyCommand.run(fakeContext(fakeConnection({ objects, items })), input())
  assert.deepEqual(lines?.slice(0, 3), [
    '4 runs from 2026-09-30 to 2026-10-02; index of 2026-11-22T12:00Z',
    '3 days, 1 of them in a file of their own, 1 file of months',
    '2 runs not compacted yet',
  ])
  assert.match(lines?.[3] ?? '', /^25 files, .* in s3:\/\/bucket\/history\/v1\/$/)
  assert.equal(lines?.[4], 'The compactor has work left: daily, 2026-10-02')
  assert.deepEqual((document as { left: unknown }).left, ['daily', '2026-10-02'])
})

test('an index that is lost, one that cannot be read, one that all runs have left', options, async () => {
  const shown = (objects: Record<string, Uint8Array>) => historyCommand.run(fakeContext(fakeConnection({ objects })), input())
  const { [HISTORY_KEY.index]: _, ...lost } = history()
  const told = (error: unknown) => error instanceof UserError && /tidemill history rebuild/.test(error.hint ?? '')
  await assert.rejects(shown(lost), told)
  await assert.rejects(shown({ [HISTORY_KEY.index]: Buffer.from('{"schemaVersion":99}') }), told)
  assert.match((await shown(makeHistory({}))).lines?.[0] ?? '', /^All runs have left it/)
})

const SPAN = { from: '2026-10-23', to: '2026-11-22' }
/** The compactor takes its time: each sleep is one step of it. */
function rebuilding(steps: (string[] | undefined)[]) {
  const requests: ApiRequest[] = []
  const lease: { pk: string; doing?: Set<string> } = { pk: LEASE }
  const connection = fakeConnection({
    objects: history(),
    items: [lease],
    api: (request): ApiResponse => {
      requests.push(request)
      return { ok: true, span: SPAN, message: 'The history is being written anew.' }
    },
  })
  const clock = fakeClock(count => {
    const left = steps[count - 1]
    if (left) lease.doing = new Set(left)
    else delete lease.doing
  })
  return { requests, context: fakeContext(connection, { effects: { clock } }) }
}

test('a rebuild is watched from its first day to its end', options, async () => {
  const { requests, context } = rebuilding([
    ['rebuild/2026-10-23/2026-11-22', 'daily'],
    ['rebuild/2026-11-02/2026-11-22', 'daily'],
    ['daily'],
  ])
  const { lines } = await historyRebuildCommand.run(context, input({}, { since: '30d' }))
  assert.deepEqual(requests, [{ operation: 'rebuild', from: '2026-10-23' }])
  assert.match(context.stdout.text, /✓ history .*2026-10-23 to 2026-11-22/)
  assert.match(lines?.[0] ?? '', /^4 runs/)
})

test('--no-wait leaves it to itself; Ctrl-C says that it goes on', options, async () => {
  const alone = rebuilding([])
  const { lines } = await historyRebuildCommand.run(alone.context, input({}, { wait: false }))
  assert.deepEqual(lines, ['The history is being written anew.', 'See how far it is:  tidemill history'])
  assert.deepEqual(alone.requests, [{ operation: 'rebuild' }])
  const { context } = rebuilding([])
  const stopped = { ...context, effects: { ...context.effects, interrupt: AbortSignal.abort() } }
  await assert.rejects(historyRebuildCommand.run(stopped, input()), /Interrupted; the compactor goes on/)
})
