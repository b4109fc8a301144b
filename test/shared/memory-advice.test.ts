import assert from 'node:assert/strict'
import { test } from 'node:test'
import { taskCost } from '../../shared/fargate.ts'
import { adviseMemory, fitsAgain, hasRoom } from '../../shared/memory-advice.ts'
import type { RunRecord } from '../../shared/run.ts'
import { makeAttempt, makeRun } from '../cli/fakes.ts'

const SIZE = { cpu: 1024, memory: 4096, disk: 20, architecture: 'arm64', spot: false } as const
const MEGABYTE = 1024 ** 2

/** A good run of ten minutes on each of the days before, newest first. */
const runs = (peaks: number[], fields: (day: number) => Partial<RunRecord> = () => ({})): RunRecord[] =>
  peaks.map((megabytes, index) => {
    const day = String(22 - index).padStart(2, '0')
    const attempt = {
      ...makeAttempt(1),
      taskArn: 'arn:aws:ecs:eu-central-1:123456789012:task/tm/1',
      dispatchedAt: `2026-11-${day}T01:00:00Z`,
      stoppedAt: `2026-11-${day}T01:10:00Z`,
      memory: 4096,
    }
    return makeRun(`202611${day}T010000-9f3ac2d1b7e4`, {
      claimedAt: `2026-11-${day}T01:00:00Z`,
      peakMemoryBytes: megabytes * MEGABYTE,
      attempts: [attempt],
      ...fields(index),
    })
  })

test('five good runs whose highest peak leaves half as much again free: the smallest size of the same CPU that holds it', () => {
  const advice = adviseMemory([runs([900, 1365, 400, 500, 700])], SIZE)
  assert.deepEqual(
    { ...advice, monthly: undefined },
    { memory: 4096, smaller: 2048, peakBytes: 1365 * MEGABYTE, runs: 5, monthly: undefined },
  )
  assert.equal(adviseMemory([runs([900, 1366, 400, 500, 700])], SIZE)?.smaller, 3072)
  assert.equal(adviseMemory([runs([900, 2049, 400, 500, 700])], SIZE), undefined, 'needs what there is')
  assert.equal(adviseMemory([runs([100, 100, 100, 100, 100])], { ...SIZE, memory: 2048 }), undefined, 'nothing smaller exists')
})

test('what it saves a month goes by how often the job ran: one run a day of ten minutes', () => {
  const cost = (memory: number) => taskCost({ cpu: 1024, memory, architecture: 'arm64', seconds: 600 })
  const saved = 30 * (cost(4096) - cost(2048))
  assert.equal(adviseMemory([runs([900, 900, 900, 900, 900])], SIZE)?.monthly?.toFixed(6), saved.toFixed(6))
  const spot = (run: RunRecord) => ({
    ...run,
    attempts: run.attempts.map(each => ({ ...each, capacity: 'FARGATE_SPOT' as const })),
  })
  const onSpot = adviseMemory([runs([900, 900, 900, 900, 900]).map(spot)], SIZE)
  assert.ok(onSpot && onSpot.monthly === undefined)
  const atOnce = adviseMemory([runs([900, 900, 900, 900, 900], () => ({ claimedAt: '2026-11-22T01:00:00Z' }))], SIZE)
  assert.ok(atOnce && atOnce.monthly === undefined)
})

test('no advice from too few runs, changed ones, those that went on, or where one has run out of memory', () => {
  const low = [400, 400, 400, 400, 400]
  const advised = (fields: (day: number) => Partial<RunRecord>, peaks = low) =>
    adviseMemory([runs(peaks, fields)], SIZE) !== undefined
  const only = (fields: Partial<RunRecord>) => (day: number) => (day === 1 ? fields : {})
  assert.ok(advised(() => ({})))
  assert.ok(!advised(() => ({}), low.slice(1)))
  assert.ok(!advised(only({ status: 'error' })))
  assert.ok(!advised(only({ overrides: { steps: ['dbt run'] } })))
  assert.ok(!advised(only({ attempts: [makeAttempt(1), makeAttempt(2)] })))
  const six = [...low, 400]
  assert.ok(advised(only({ status: 'error' }), six))
  const attempt = makeAttempt(1)
  assert.ok(!advised(only({ attempts: [{ ...attempt, larger: 'remembered' }] }), six))
  assert.ok(
    !advised(only({ status: 'error', attempts: [{ ...attempt, outcome: { status: 'error', reason: 'out_of_memory' } }] }), six),
  )
})

test('an environment of several jobs goes by the hungriest, and by none whose need is not known', () => {
  const low = runs([400, 400, 400, 400, 400])
  const high = runs([1500, 1500, 1500, 1500, 1500])
  const both = adviseMemory([low, high], SIZE)
  assert.deepEqual([both?.smaller, both?.runs], [3072, 10])
  const alone = adviseMemory([high], SIZE)
  assert.equal(both?.monthly?.toFixed(6), (2 * (alone?.monthly ?? 0)).toFixed(6))
  assert.equal(adviseMemory([low, low.slice(2)], SIZE), undefined)
})

test('one run tells whether a look at more is worth it', () => {
  const room = (fields: Partial<RunRecord>) => hasRoom(makeRun('20261122T010000-9f3ac2d1b7e4', fields), SIZE)
  assert.deepEqual(
    [room({ peakMemoryBytes: 400 * MEGABYTE }), room({ peakMemoryBytes: 3000 * MEGABYTE }), room({})],
    [true, false, false],
  )
})

test('a size that was remembered is forgotten after ten good runs in a row that would fit into the environment, with room', () => {
  const small = { ...SIZE, memory: 2048 }
  const attempt = (fields: object) => ({
    attempts: [{ ...makeAttempt(1), taskArn: 'arn:aws:ecs:eu-central-1:123456789012:task/tm/1', ...fields }],
  })
  const remembered = (peaks: number[], fields: (day: number) => Partial<RunRecord> = () => ({})) =>
    runs(peaks, day => ({ ...attempt({ larger: 'remembered' }), ...fields(day) }))
  const ten = Array<number>(10).fill(1365)
  const only = (day: number, fields: Partial<RunRecord>) => (each: number) => (each === day ? fields : {})
  assert.ok(fitsAgain(remembered(ten), small))
  assert.ok(!fitsAgain(remembered(ten.slice(1)), small))
  assert.ok(!fitsAgain(remembered([...ten.slice(1), 1366]), small), 'without room')
  assert.ok(fitsAgain(remembered([...ten, 3000]), small), 'what was before does not count')
  assert.ok(fitsAgain(remembered([...ten, 1365], only(3, { status: 'error' })), small), 'a failure for another reason')
  const memory = attempt({ larger: 'remembered', outcome: { status: 'error', reason: 'out_of_memory' } })
  assert.ok(!fitsAgain(remembered([...ten, 1365], only(3, { status: 'error', ...memory })), small))
  assert.ok(!fitsAgain(remembered(ten, only(9, attempt({}))), small), 'it had the size of the environment then')
})
