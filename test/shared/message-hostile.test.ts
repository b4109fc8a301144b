import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeMessage } from '../../shared/message.ts'
import { renderEvent } from '../../shared/message-event.ts'
import { renderPagerDuty } from '../../shared/message-pagerduty.ts'
import { renderSlack, type SlackPayload } from '../../shared/message-slack.ts'
import { renderTeams, type TeamsPayload } from '../../shared/message-teams.ts'
import { renderText } from '../../shared/message-text.ts'
import { renderWebhook } from '../../shared/message-webhook.ts'
import { MESSAGE_KINDS } from '../../shared/reasons.ts'
import { NO_NODES, type NodeResult, type RunRecord } from '../../shared/run.ts'
import { failedModel, input } from './message-records.ts'

const HOSTILE = {
  newline: 'stg\r\nBcc: everyone@example.com\n\nbody',
  script: '<script>alert(1)</script>',
  mention: '@channel <!here> <!channel|x> @everyone <@U012AB3CD> <https://evil.example|click>',
  direction: '\u202egnp.exe\u2066 \u200b',
  code: '``` ``` *bold* `x` ```',
  ampersands: '&'.repeat(5000),
  megabyte: 'm'.repeat(2 ** 20),
  functions: '{{DATE(2026-11-22T01:00:00Z, SHORT)}} <at>everyone</at> [link](https://evil.example) **bold**',
  wide: '漢'.repeat(20_000),
  colours: '\u001b[31mred\u001b[0m\u0000\u0007',
  halves: '\ud83d\ude00'.repeat(3000),
}

const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value))

/** Every text of a card stands in a text run, which knows no markup, and none is empty. */
function checkTeams(payload: TeamsPayload, kind: string): void {
  const [{ content }] = payload.attachments
  assert.ok(bytes(payload) < 28_000, `${kind}: card of ${bytes(payload)} bytes`)
  for (const { type, inlines } of content.body) {
    assert.equal(type, 'RichTextBlock')
    for (const run of inlines) {
      assert.equal(run.type, 'TextRun')
      assert.ok(run.text.length > 0)
      assert.doesNotMatch(run.text, /\{\{|\n|\u202e/)
    }
  }
}

function textsOf(payload: SlackPayload): string[] {
  return payload.blocks.flatMap(block =>
    block.type === 'section' ? [block.text.text] : block.elements.map(element => element.text),
  )
}

/** Every place of the record that a repository, a database or a caller fills. */
function poisoned(text: string): Partial<RunRecord> {
  const node: NodeResult = { ...failedModel, name: text, uniqueId: text, message: text, path: text, resourceType: text }
  return {
    message: text,
    failures: [node, { ...node, status: 'warn' }],
    steps: [
      {
        index: 1,
        name: 'freshness',
        kind: 'freshness',
        command: text,
        status: 'warn',
        warnings: Array.from({ length: 20 }, (_, i) => ({ ...node, uniqueId: `${i}`, resourceType: 'source' })),
      },
    ],
    streak: {
      failures: 3,
      since: '2026-11-21T06:11:43Z',
      from: { run: text, commit: { sha: 'e'.repeat(40), author: text, subject: text, committedAt: text } },
      good: { runs: 2, sha: 'd'.repeat(40) },
      lastSha: 'e'.repeat(40),
    },
    dbtVersion: text.slice(0, 50),
    commit: { sha: 'f'.repeat(40), author: text, subject: text, committedAt: text },
    cancel: { at: '2026-11-22T01:02:00Z', actor: text },
    cause: { kind: 'request', actor: text, idempotencyKey: text },
  }
}

for (const [name, text] of Object.entries(HOSTILE))
  test(`fault 40: a ${name} in names, messages, commit and actor is inert and cut`, () => {
    let injected = 0
    for (const kind of MESSAGE_KINDS) {
      const message = makeMessage(input(kind, poisoned(text)))
      injected += 1
      assert.ok(message.subject.length > 0 && message.subject.length < 100, `${kind}: subject of ${message.subject.length}`)
      assert.match(message.subject, /^[^\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+$/u)
      const mail = renderText(message)
      assert.ok(mail.length < 6000, `${kind}: e-mail of ${mail.length}`)
      assert.doesNotMatch(mail, /(?!\n)[\p{Cc}\p{Cf}\p{Cs}]/u)
      assert.ok(!mail.includes('\nBcc:'), `${kind}: a foreign line passes for ours`)

      const slack = renderSlack(message, '')
      assert.ok(slack.blocks.length <= 50)
      assert.equal('channel' in slack, false)
      for (const part of [slack.text, ...textsOf(slack)]) {
        assert.ok(part.length > 0 && part.length <= 3000, `${kind}: text of ${part.length}`)
        assert.doesNotMatch(part, /<[!@#]|<script|<https:\/\/evil|@channel|@everyone|\u202e/)
        assert.doesNotMatch(part.replaceAll(/&(?:amp|lt|gt);/g, ''), /&/, 'no half entity')
        assert.equal((part.match(/```/g) ?? []).length % 2, 0, 'code blocks are closed')
      }
      checkTeams(renderTeams(message), kind)
      for (const event of renderPagerDuty(message, 'tidemill')) {
        assert.ok(event.dedup_key.length <= 255)
        assert.ok((event.payload?.summary.length ?? 0) <= 1024)
        assert.ok(bytes(event) < 64_000, `${kind}: event of PagerDuty with ${bytes(event)} bytes`)
      }
      const webhook = renderWebhook(message, { installation: 'tidemill', target: '', at: '2026-11-22T01:12:00.000Z' })
      assert.ok(bytes(webhook) < 64_000, `${kind}: webhook of ${bytes(webhook)} bytes`)
      assert.ok(bytes(renderEvent(message, 'tidemill', '2026-11-22T01:12:00.000Z')) < 256_000)
      assert.doesNotMatch(JSON.stringify(webhook), /\\u202e|\u202e/)
    }
    assert.equal(injected, MESSAGE_KINDS.length)
  })

test('fault 41: of 500 failing nodes the message shows the first five, the count and a link', () => {
  // The record holds the first twenty; the counts are of all.
  const failures = Array.from({ length: 20 }, (_, i) => ({ ...failedModel, name: `stg_${i}`, uniqueId: `model.x.stg_${i}` }))
  const link = { label: 'Log', url: 'https://console.example/log' }
  const counts = { ...NO_NODES, error: 500, success: 20 }
  const message = makeMessage({ ...input('error', { failures, counts }), links: [link] })
  assert.equal(message.title, '✗ nightly failed in prod: 500 of 520 nodes')
  assert.equal(message.subject, '✗ nightly failed in prod: stg_0 and 499 more')
  const mail = renderText(message)
  assert.deepEqual(mail.match(/^stg_\d+$/gm), ['stg_0', 'stg_1', 'stg_2', 'stg_3', 'stg_4'])
  assert.match(mail, /^\+ 495 more$/m)
  assert.match(mail, /^Log: https:\/\/console\.example\/log$/m)
  assert.match(mail, new RegExp(`^  tidemill show ${message.runId}$`, 'm'))
  const slack = textsOf(renderSlack(message, ''))
  assert.ok(slack.some(part => part.includes('+ 495 more')))
  assert.ok(slack.some(part => part.includes('<https://console.example/log|Log>')))
})
