import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { makeAsk } from '../../cli/ask.ts'
import { UserError } from '../../shared/errors.ts'

function terminal() {
  const input = new PassThrough()
  const stop = new AbortController()
  let shown = ''
  const ask = makeAsk(
    input,
    text => {
      shown += text
    },
    stop.signal,
  )
  return { input, stop, ask, shown: () => shown }
}
const isInterrupted = (error: unknown) => error instanceof UserError && error.exitCode === 130

test('lines that were pasted ahead answer the questions that follow', { timeout: 5000 }, async () => {
  const { input, ask, shown } = terminal()
  input.write('one\ntwo\n\nfo')
  assert.deepEqual([await ask('a? '), await ask('b? '), await ask('c? ')], ['one', 'two', ''])
  const last = ask('d? ')
  input.write('ur\n')
  assert.equal(await last, 'four')
  assert.equal(shown(), 'a? b? c? d? ')
})

test('Ctrl-D and Ctrl-C end a question, and every one after it', { timeout: 5000 }, async () => {
  const ended = terminal()
  const open = ended.ask('a? ')
  ended.input.end()
  await assert.rejects(open, isInterrupted)
  await assert.rejects(ended.ask('b? '), isInterrupted)
  const stopped = terminal()
  const waiting = stopped.ask('a? ')
  stopped.stop.abort()
  await assert.rejects(waiting, isInterrupted)
})
