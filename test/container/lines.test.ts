import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEvent } from '../../container/runner/dbt-events.ts'
import { createLineReader, plainText } from '../../container/runner/lines.ts'

const read = (chunks: (Buffer | string)[], longest?: number) => {
  const reader = createLineReader(longest)
  return [...chunks.flatMap(chunk => reader.push(Buffer.from(chunk))), ...reader.end()]
}

test('lines are put together from chunks of any size', () => {
  const text = 'één\r\ntwee\n\ndrie'
  for (let size = 1; size <= text.length; size++) {
    const bytes = Buffer.from(text)
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
    assert.deepEqual(read(chunks), ['één', 'twee', '', 'drie'])
  }
})

test('fault 29: a line of 1 MB comes whole', () => {
  const line = 'x'.repeat(1024 * 1024)
  assert.deepEqual(read([line, '\nnext\n']), [line, 'next'])
})

test('fault 29: a longer line is cut, and the next one is right again', () => {
  assert.deepEqual(read(['0123456789', '0123456789\nnext\n'], 15), ['012345678901234 … (5 bytes more)', 'next'])
})

test('fault 29: invalid UTF-8 breaks nothing', () => {
  assert.deepEqual(read([Buffer.from([0x61, 0xff, 0xfe, 0x62, 0x0a]), 'next']), ['a\ufffd\ufffdb', 'next'])
})

test('fault 29: colours and terminal commands are taken out', () => {
  assert.equal(plainText('\u001b[32mOK\u001b[0m in \u001b]0;title\u0007\u001b[1;31m0.1s\u001b[K'), 'OK in 0.1s')
})

const noEvents = ['plain text', '{"half": ', '[1]', '{"info": {"name": 5, "msg": "x"}}', '{"info": null}', '"text"', '{}']
for (const line of noEvents)
  test(`fault 29: ${line} is shown as it is`, () => {
    assert.deepEqual(parseEvent(line), { name: 'Text', level: 'info', text: line, data: {} })
  })

test('an event gives its name, level and text without colours', () => {
  const line = JSON.stringify({
    info: { name: 'LogTestResult', msg: '\u001b[31mFAIL\u001b[0m', level: 'error' },
    data: { total: 3 },
  })
  assert.deepEqual(parseEvent(line), { name: 'LogTestResult', level: 'error', text: 'FAIL', data: { total: 3 } })
})
