import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeMessage } from '../../shared/message.ts'
import { renderSlack } from '../../shared/message-slack.ts'
import { renderText } from '../../shared/message-text.ts'
import { MESSAGE_KINDS, REASONS, type Reason } from '../../shared/reasons.ts'
import type { RunRecord, Streak } from '../../shared/run.ts'
import { input } from './message-records.ts'

const golden = join(import.meta.dirname, '../fixtures/messages')
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

for (const kind of MESSAGE_KINDS)
  test(`${kind}: subject, e-mail and Slack read as agreed`, () => {
    const message = makeMessage({ ...input(kind), links: kind === 'error' ? [link] : [] })
    matchesFile(`${kind}.txt`, `Subject: ${message.subject}\n\n${renderText(message)}`)
    matchesFile(`${kind}.slack.json`, `${JSON.stringify(renderSlack(message, '#harbour-data'), null, 2)}\n`)
  })

const other: Partial<Record<Reason, string>> = {
  parse_error:
    "dbt could not parse the project: Compilation Error Model 'model.harbour_line.fct_orders' (models/marts/fct_orders.sql) depends on a node named 'stg_ordrs' which was not found. Nothing was built.",
  source_auth: 'git refused the token in secret github-token for github.com/your-org/harbour-line.',
  out_of_memory: 'Stopped for lack of memory (2 GB) while building fct_bookings.',
  launch_capacity: 'AWS had no Fargate capacity in eu-central-1a, eu-central-1b for 30 min.',
}
for (const [reason, text] of Object.entries(other))
  test(`${reason}: the message says it in the words of dbt or AWS`, () => {
    const { startedAt, steps, counts, commit, ...queued } = input('error').record
    const record = { ...queued, reason: reason as Reason, message: text, failures: [] }
    const started = reason.startsWith('launch') ? { attempts: [] } : { startedAt, steps: [], commit }
    const message = makeMessage({ ...input('error'), record: { ...record, ...started } as RunRecord, cost: undefined })
    matchesFile(`error-${reason}.txt`, `Subject: ${message.subject}\n\n${renderText(message)}`)
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
