import assert from 'node:assert/strict'
import { test } from 'node:test'
import { followRun, type RunEvent } from '../../cli/follow.ts'
import { logsCommand } from '../../cli/logs.ts'
import { parseLine } from '../../cli/parts.ts'
import { makeStyle } from '../../cli/style.ts'
import { watchRun } from '../../cli/watch.ts'
import { KEY } from '../../shared/contract.ts'
import { UserError } from '../../shared/errors.ts'
import type { LogLine, NodeLine, Progress } from '../../shared/plan.ts'
import type { RunRecord, StepResult } from '../../shared/run.ts'
import { fakeClock, fakeConnection, fakeContext, fakeSink, input, makeAttempt, makeRun, partKey, partOf } from './fakes.ts'

const ID = '20261122T010004-9f3ac2d1b7e4'
const step = (index: number, name: string, status: StepResult['status']): StepResult => ({
  index,
  name,
  kind: 'dbt',
  command: `dbt ${name}`,
  status,
  ...(status !== 'running' && { startedAt: '2026-11-22T01:00:00Z', endedAt: '2026-11-22T01:00:09Z' }),
})
const progress = (
  part: number,
  steps: StepResult[],
  nodes: Progress['nodes'] = { done: 0, total: 0, running: [] },
): Progress => ({
  type: 'progress',
  schemaVersion: 1,
  run: ID,
  attempt: 1,
  part,
  at: '2026-11-22T01:00:10Z',
  steps,
  nodes,
})
const log = (text: string, index = 1): LogLine => ({ type: 'log', at: '2026-11-22T01:00:10Z', step: index, text })
const node = (name: string, status: NodeLine['status'] = 'success'): NodeLine => ({
  type: 'node',
  step: 1,
  uniqueId: `model.shop.${name}`,
  name,
  resourceType: 'model',
  status,
  executionSeconds: 0.4,
  ...(status === 'error' && { message: 'Binder Error: no column\u001b[31m "x"\nLINE 1: select x\n^' }),
})

async function collect(events: AsyncGenerator<RunEvent>): Promise<RunEvent[]> {
  const all: RunEvent[] = []
  for await (const event of events) all.push(event)
  return all
}
const texts = (events: RunEvent[]) =>
  events.flatMap(event => (event.type === 'parts' ? event.events : [])).map(event => ('text' in event ? event.text : event.type))

test('parts of all attempts come in order, with the tail that the finisher brought, and a hole is said', async () => {
  const run = makeRun(ID, { status: 'error', attempts: [makeAttempt(1), makeAttempt(2)] })
  const connection = fakeConnection({
    runs: [run],
    objects: {
      [partKey(run, 1, 1)]: partOf(log('one')),
      [partKey(run, 1, 3)]: partOf(log('three')),
      [KEY.tail(KEY.attempt(run, 1))]: partOf(log('last words')),
      [partKey(run, 2, 1)]: partOf(log('again')),
    },
  })
  const events = await collect(followRun(connection, ID, fakeClock(), new AbortController().signal, { once: false }))
  assert.deepEqual(texts(events), ['one', 'part 2 of the log is missing', 'three', 'last words', 'again'])
})

test('of a run that goes on only the attempts that are asked for are read', async () => {
  const run = makeRun(ID, { status: 'error', attempts: [makeAttempt(1), makeAttempt(2)] })
  const objects = { [partKey(run, 1, 1)]: partOf(log('one')), [partKey(run, 2, 1)]: partOf(log('again')) }
  const clock = fakeClock()
  const connection = fakeConnection({ runs: [run], objects })
  const events = await collect(followRun(connection, ID, clock, new AbortController().signal, { once: false, from: 2 }))
  assert.deepEqual(texts(events), ['again'])
})

test('watching a run that goes on shows no step that an earlier attempt did', async () => {
  const done = { ...step(0, 'freshness', 'success'), attempt: 1 }
  const steps = (status: StepResult['status']) => [step(1, 'checkout', 'success'), done, step(2, 'build', status)]
  const run = makeRun(ID, { status: 'error', attempts: [makeAttempt(1), makeAttempt(2)], steps: steps('error') })
  const objects = { [partKey(run, 2, 1)]: partOf({ ...progress(1, steps('running')), attempt: 2 }) }
  const sink = fakeSink()
  await watchRun(ID, {
    ...{ connection: fakeConnection({ runs: [run], objects }), sink, clock: fakeClock(), style: makeStyle(false) },
    ...{ signal: new AbortController().signal, nodes: true, from: 2 },
  })
  assert.deepEqual(
    sink.text.split('\n').flatMap(line => /^[✓✗] (\w+)/.exec(line)?.[1] ?? []),
    ['checkout', 'build'],
  )
})

test('a garbled part and garbled lines are said and do not end the reading', async () => {
  const run = makeRun(ID, { attempts: [makeAttempt(1)] })
  const connection = fakeConnection({
    runs: [run],
    objects: {
      [partKey(run, 1, 1)]: Buffer.from([0x1f, 0x8b, 1, 2, 3]),
      [partKey(run, 1, 2)]: Buffer.from(
        `{"type":"log","at":"","step":1,"text":"plain"}\n{"type":"node"\n{"type":"log","text":5}\n`,
      ),
    },
  })
  const events = await collect(followRun(connection, ID, fakeClock(), new AbortController().signal, { once: true }))
  assert.deepEqual(texts(events), [
    '000001.ndjson.gz of the log cannot be read',
    'plain',
    '2 lines of 000002.ndjson.gz cannot be read',
  ])
})

test('a part that is overtaken by the next one is waited for while the run goes on', async () => {
  const run = makeRun(ID, { status: 'running', attempts: [makeAttempt(1)] })
  const objects = { [partKey(run, 1, 2)]: partOf(log('two')) } as Record<string, Buffer>
  const connection = fakeConnection({ runs: [run], objects })
  const clock = fakeClock(count => {
    if (count === 2) objects[partKey(run, 1, 1)] = partOf(log('one'))
    if (count === 4) connection.table.runs = [{ ...run, status: 'success' }]
  })
  const events = await collect(followRun(connection, ID, clock, new AbortController().signal, { once: false }))
  assert.deepEqual(texts(events), ['one', 'two'])
})

test('watching shows stages with the runner’s own times and each node under its step', async () => {
  const run = makeRun(ID, { status: 'queued' })
  const objects: Record<string, Buffer> = {}
  const connection = fakeConnection({ runs: [run], objects })
  const set = (fields: Partial<RunRecord>) => {
    connection.table.runs = [{ ...run, ...fields }]
  }
  const clock = fakeClock(count => {
    if (count === 1) set({ status: 'running', attempts: [makeAttempt(1)] })
    if (count === 2)
      objects[partKey(run, 1, 1)] = partOf(
        progress(1, [step(0, 'checkout', 'success'), step(1, 'build', 'running')], { done: 1, total: 3, running: ['b'] }),
        node('a'),
      )
    if (count === 3) {
      objects[partKey(run, 1, 2)] = partOf(
        progress(2, [step(0, 'checkout', 'success'), step(1, 'build', 'error')]),
        node('b', 'error'),
      )
      set({ status: 'error', reason: 'node_failures', attempts: [makeAttempt(1)] })
    }
  })
  const sink = fakeSink()
  const record = await watchRun(ID, {
    connection,
    sink,
    clock,
    style: makeStyle(false),
    signal: new AbortController().signal,
    nodes: true,
    from: 1,
  })
  assert.equal(record?.status, 'error')
  const lines = sink.text
    .trimEnd()
    .split('\n')
    .map(line => line.replace(/ +/g, ' ').trim())
  assert.deepEqual(lines, [
    '✓ queued 1.5s task runs',
    '✓ checkout 9s dbt checkout',
    '✓ a model 0.4s',
    '✗ b model 0.4s Binder Error: no column "x"',
    '✗ build 9s dbt build',
  ])
  assert.ok(!sink.text.includes('\u001b') && !sink.text.includes('\r'), 'no control characters without a terminal')
})

test('Ctrl-C ends watching, not the run', async () => {
  const stop = new AbortController()
  const connection = fakeConnection({ runs: [makeRun(ID, { status: 'running', attempts: [makeAttempt(1)] })] })
  const options = { connection, sink: fakeSink(), clock: fakeClock(() => stop.abort()), style: makeStyle(false), nodes: true }
  assert.equal(await watchRun(ID, { ...options, signal: stop.signal, from: 1 }), undefined)
  assert.deepEqual(connection.requests, [])
})

test('logs shows the text without control characters, by step on request, and refuses a step that is not there', async () => {
  const run = makeRun(ID, { attempts: [makeAttempt(1)] })
  const steps = [step(0, 'checkout', 'success'), step(1, 'build', 'success'), step(2, 'docs', 'skipped')]
  const connection = fakeConnection({
    runs: [run],
    objects: { [partKey(run, 1, 1)]: partOf(progress(1, steps), log('cloned', 0), log('built \u001b[32mOK\u001b[0m\u202e')) },
  })
  const all = fakeContext(connection)
  await logsCommand.run(all, input({ run: ID }))
  assert.deepEqual(all.said, ['cloned', 'built OK'])
  const one = fakeContext(connection, { globals: { json: true } })
  const outcome = await logsCommand.run(one, input({ run: ID }, { step: 'build' }))
  assert.deepEqual(outcome.document, {
    run: ID,
    status: 'success',
    lines: [{ attempt: 1, step: 'build', at: '2026-11-22T01:00:10Z', text: 'built OK' }],
  })
  assert.deepEqual(one.said, [])
  const silent = await logsCommand.run(fakeContext(connection), input({ run: ID }, { step: 'docs' }))
  assert.deepEqual(silent.lines, [`Step docs of run ${ID} has no log: it did not run. See:  tidemill show ${ID}`])
  await assert.rejects(
    logsCommand.run(fakeContext(connection), input({ run: ID }, { step: 'biuld' })),
    (error: unknown) => error instanceof UserError && /did you mean "build"/.test(error.message),
  )
})

test('a line that is not ours is no event', () => {
  for (const line of [
    '',
    'null',
    '[]',
    '"x"',
    '{"type":"node","uniqueId":"a","status":"exploded"}',
    '{"type":"progress","steps":[]}',
  ])
    assert.equal(parseLine(line), undefined, line)
})
