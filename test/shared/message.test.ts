import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeMessage } from '../../shared/message.ts'
import { renderEvent } from '../../shared/message-event.ts'
import { renderPagerDuty } from '../../shared/message-pagerduty.ts'
import { renderSlack } from '../../shared/message-slack.ts'
import { renderTeams } from '../../shared/message-teams.ts'
import { makeTestMessage } from '../../shared/message-test.ts'
import { renderText } from '../../shared/message-text.ts'
import { renderWebhook } from '../../shared/message-webhook.ts'
import type { Reason } from '../../shared/reason-labels.ts'
import { MESSAGE_KINDS, REASONS, reasonRow } from '../../shared/reasons.ts'
import type { RunRecord, Streak } from '../../shared/run.ts'
import { REASON_ENDS, VARIANTS } from './message-ends.ts'
import { input } from './message-records.ts'

const golden = join(import.meta.dirname, '../fixtures/messages')
const sentAt = '2026-11-22T01:12:00.000Z'
const link = { label: 'Log', url: 'https://eu-central-1.console.aws.amazon.com/cloudwatch/home' }

/** Compared with the file; `UPDATE_FIXTURES=1` writes it, to be looked at before it is committed. */
function matchesFile(name: string, text: string): void {
  const path = join(golden, name)
  if (process.env.UPDATE_FIXTURES) {
    mkdirSync(golden, { recursive: true })
    writeFileSync(path, text)
  }
  assert.equal(text, readFileSync(path, 'utf8'), `${name} differs; UPDATE_FIXTURES=1 writes it anew`)
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

for (const kind of MESSAGE_KINDS)
  test(`${kind}: every channel's message reads as agreed`, () => {
    const message = makeMessage({ ...input(kind), links: kind === 'error' ? [link] : [] })
    matchesFile(`${kind}.txt`, `Subject: ${message.subject}\n\n${renderText(message)}`)
    matchesFile(`${kind}.slack.json`, json(renderSlack(message, '#harbour-data')))
    matchesFile(`${kind}.teams.json`, json(renderTeams(message)))
    matchesFile(`${kind}.pagerduty.json`, json(renderPagerDuty(message, 'tidemill')))
    matchesFile(`${kind}.webhook.json`, json(renderWebhook(message, { installation: 'tidemill', target: '', at: sentAt })))
    matchesFile(`${kind}.event.json`, json(renderEvent(message, 'tidemill', sentAt)))
  })

test('the message of a test reads as agreed', () => {
  const asked = { id: input('error').record.id, installation: 'tidemill', channel: 'slack', target: '#harbour-data' }
  const message = makeTestMessage({ ...asked, actor: 'arn:aws:sts::123456789012:assumed-role/Analyst/ana' })
  matchesFile('test.txt', `Subject: ${message.subject}\n\n${renderText(message)}`)
})

for (const [name, change] of Object.entries(VARIANTS))
  test(`${name}: the message reads as agreed`, () => {
    const message = makeMessage({ ...input(change.kind), ...change, record: { ...input(change.kind).record, ...change.record } })
    matchesFile(`${name}.txt`, `Subject: ${message.subject}\n\n${renderText(message)}`)
  })

for (const [reason, { message: words, ...change }] of Object.entries(REASON_ENDS))
  test(`${reason}: the message says what happened and what to do, in the words of dbt or AWS`, () => {
    const kind = reasonRow(reason as Reason).tells ?? 'error'
    const { startedAt, steps, counts, commit, failures, attempts, ...queued } = input(kind).record
    // What was built is there to go on from.
    const tries = change.built ? attempts : attempts.map(({ resume, ...attempt }) => attempt)
    const ran = { startedAt, commit, attempts: tries, steps: [] }
    const begun = change.started ? { ...ran, ...(change.built && { counts: change.built }) } : { attempts: [] }
    const record = { ...queued, ...begun, reason: reason as Reason, message: words } as RunRecord
    const message = makeMessage({ ...input(kind), record, cost: change.started ? 0.0113 : undefined })
    matchesFile(`reason-${reason}.txt`, `Subject: ${message.subject}\n\n${renderText(message)}`)
  })

test('every reason that tells has its golden message', () => {
  const telling = Object.entries(REASONS).flatMap(([reason, row]) => ('tells' in row && row.tells ? [reason] : []))
  const others = ['node_failures', 'test_failures']
  assert.deepEqual(Object.keys(REASON_ENDS).sort(), telling.filter(reason => !others.includes(reason)).sort())
})

test('every reason that tells makes a message that names job, environment, run and what to do', () => {
  for (const [reason, row] of Object.entries(REASONS)) {
    if (!('tells' in row) || !row.tells) continue
    const message = makeMessage(input(row.tells, { reason: reason as Reason, failures: [] }))
    const text = renderText(message)
    for (const part of ['nightly', 'prod', message.runId, row.next])
      assert.ok(text.includes(part), `${reason}: "${part}" in ${text}`)
    assert.ok(text.length < 1200, `${reason}: ${text.length} characters`)
  }
})

test('the failing nodes come models before tests, without the words that dbt puts around', () => {
  const { failures, moreFailures } = makeMessage(input('error'))
  assert.deepEqual(failures, [
    {
      name: 'stg_fares',
      words: 'Conversion Error: Could not convert string "on request" to DECIMAL(8,2) when casting from source column price',
      path: 'models/staging/stg_fares.sql',
    },
    { name: 'not_null_fct_bookings_route_id', words: '3 rows', path: 'models/marts/marts.yml' },
  ])
  assert.equal(moreFailures, 0)
})

test('a job that keeps failing says since when; a recovered one after how much', () => {
  const again = makeMessage(input('error', { streak: { failures: 4, since: '2026-11-21T07:11:43Z' } }))
  assert.ok(
    again.meaning.includes('It has failed 4 times in a row, since 08:11 Europe/Copenhagen (18 h before this one).'),
    again.meaning.join(),
  )
  assert.equal(makeMessage(input('recovered')).title, '✓ nightly is good again in prod, after 3 failed runs (19 h)')
})

test('a first run, and one that ends after a newer one, claim nothing of a run before', () => {
  const meaning = (streak: Streak) => makeMessage(input('error', { streak })).meaning.join('\n')
  const since = '2026-11-22T01:11:43Z'
  assert.match(meaning({ failures: 1, since }), /This is new: the run before did not fail\./)
  assert.match(meaning({ failures: 1, since, first: true }), /No run of the job was good before\./)
  assert.doesNotMatch(meaning({ failures: 0, since }), /before/)
})

test('durations are never negative, though the clocks of two parts differ', () => {
  const text = renderText(makeMessage(input('success', { startedAt: '2026-11-22T01:11:45Z', endedAt: '2026-11-22T01:11:43Z' })))
  assert.match(text, /in 0 s/)
  assert.doesNotMatch(text, / -\d/)
})
