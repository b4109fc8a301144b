import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeMessage } from '../../shared/message.ts'
import { renderSlack, type SlackPayload } from '../../shared/message-slack.ts'
import { renderText } from '../../shared/message-text.ts'
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
  colours: '\u001b[31mred\u001b[0m\u0000\u0007',
  halves: '\ud83d\ude00'.repeat(3000),
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
