/** What the pages ask of runs, of what goes on, of weeks and months: read on the server, checked and bounded. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { KEY } from '../../shared/contract.ts'
import type { JobAnswer, MonthAnswer, NextFirings, RunAnswer, RunProgress, Week } from '../../shared/page-api.ts'
import { attemptOf, runOf } from '../fakes/records.ts'
import { makeHistory, recordOf } from '../site/history.ts'
import { askOver, CONFIG_KEY } from './page-asked.ts'

const options = { timeout: 20_000 }
const now = new Date('2026-11-22T12:00:00Z')
const history = makeHistory({ runs: 2000, now })
const objects = () => new Map([...history.objects, [CONFIG_KEY, JSON.stringify(history.config)]])

test('a run that has left the table is read from the bucket, with what to do about it', options, async () => {
  const row = history.runs.find(run => run.status === 'error' && run.reason === 'timeout')
  assert.ok(row)
  const record = recordOf(row, history.config)
  const stored = objects().set(KEY.record(record), gzipSync(JSON.stringify(record)))
  const { run, next, deeds, usd } = (await askOver(stored, now).ask(`/api/runs/${row.id}`)) as RunAnswer
  assert.deepEqual([run.id, run.reason], [row.id, 'timeout'])
  assert.match(next ?? '', /^Retry the run/)
  assert.deepEqual(
    deeds.map(deed => deed.command.split(' ')[1]),
    ['retry', 'run', 'rerun'],
  )
  assert.ok(usd && usd > 0)
  await assert.rejects(askOver(objects(), now).ask(`/api/runs/${row.id}`), /There is no run/)
})

test(
  'what goes on is read from the parts of the attempt: later results last, what cannot be read is counted',
  options,
  async () => {
    const run = runOf(1, { status: 'running', attempts: [attemptOf(1)] })
    const prefix = KEY.attempt(run, 1)
    const node = (name: string, status: string) => JSON.stringify({ type: 'node', step: 1, uniqueId: name, name, status })
    const progress = JSON.stringify({ type: 'progress', steps: [], nodes: { done: 2, total: 3, running: ['model.c'] } })
    const parts: [number, Uint8Array][] = [
      [1, gzipSync([node('a', 'error'), node('b', 'success'), '{"type":"node"}', 'no json'].join('\n'))],
      [2, gzipSync([progress, node('a', 'success')].join('\n'))],
      [3, Buffer.from([0x1f, 0x8b, 1, 2, 3])],
      [4, gzipSync(Buffer.alloc(100 * 1024 * 1024))],
      [5, new Uint8Array()],
    ]
    const stored = new Map(parts.map(([number, body]) => [KEY.part(prefix, number), body]))
    const { ask } = askOver(stored, now, { runs: [run] })
    const found = (await ask(`/api/progress/${run.id}/1`)) as RunProgress
    assert.deepEqual(
      found.nodes.map(({ uniqueId, status, attempt }) => [uniqueId, status, attempt]),
      [
        ['b', 'success', 1],
        ['a', 'success', 1],
      ],
    )
    assert.deepEqual([found.progress?.nodes.done, found.last, found.leftOut], [2, 5, 2])
    assert.deepEqual(await ask(`/api/progress/${run.id}/1?after=5`), { nodes: [], last: 5, leftOut: 0 })
    for (const path of ['0', 'x', '1?after=-1']) await assert.rejects(ask(`/api/progress/${run.id}/${path}`), /are numbers/, path)
  },
)

test('of a long run the newest parts are read', options, async () => {
  const run = runOf(1, { status: 'running', attempts: [attemptOf(1)] })
  const key = (part: number) => KEY.part(KEY.attempt(run, 1), part)
  const stored = new Map(Array.from({ length: 2100 }, (_, i) => [key(i + 1), gzipSync(`part ${i + 1}`)]))
  const { ask, reads } = askOver(stored, now, { runs: [run] })
  assert.deepEqual(await ask(`/api/progress/${run.id}/1`), { nodes: [], last: 2100, leftOut: 1950 })
  assert.deepEqual([reads.length, reads[0]], [150, key(1951)])
})

test('a week: runs of the pages of days and those that go on, each with its firing', options, async () => {
  const going = runOf(7, {
    id: '20261122T113002-aaaaaaaaaaaa',
    job: 'quarter_hourly',
    status: 'running',
    cause: { kind: 'schedule', schedule: 'default', scheduledFor: '2026-11-22T11:30:00Z' },
  })
  const { ask } = askOver(objects(), now, { runs: [going] })
  const week = (await ask('/api/week?from=2026-11-16T00:00:00Z&until=2026-11-23T00:00:00Z')) as Week
  assert.deepEqual(week.jobs.map(({ job }) => job).sort(), [
    'shop/hourly_orders',
    'shop/marketing_attribution',
    'shop/nightly',
    'shop/quarter_hourly',
  ])
  const own = week.jobs.find(({ job }) => job === 'shop/quarter_hourly')?.firings ?? []
  assert.deepEqual([own.length, own[0]?.at], [7 * 96, '2026-11-16T00:00:00.000Z'])
  assert.deepEqual(own.find(({ at }) => at === '2026-11-22T11:30:00.000Z')?.run, { id: going.id, status: 'running' })
  assert.ok(own.every(({ at, kept }) => (kept === 'coming') === Date.parse(at) > now.getTime()))
  const runs = own.flatMap(({ run }) => run?.id ?? [])
  assert.equal(new Set(runs).size, runs.length, 'no run answers two firings')
})

test('a month, a job, and what comes next', options, async () => {
  const { ask } = askOver(objects(), now)
  const month = (await ask('/api/cost?month=2026-11')) as MonthAnswer
  const wanted = history.runs.filter(run => run.endedAt.startsWith('2026-11') && run.usd !== undefined)
  assert.deepEqual(
    month.dearest.map(run => run.usd),
    wanted
      .map(run => run.usd ?? 0)
      .sort((a, b) => b - a)
      .slice(0, 10),
  )
  assert.ok(month.rest > 0 && month.soFar > 0)
  const next = (await ask('/api/next')) as NextFirings
  assert.equal(next['shop/nightly']?.local, '2026-11-23T02:00')
  assert.equal(next['shop/after_nightly'], undefined)
  const job = (await ask('/api/jobs/shop/nightly')) as JobAnswer
  assert.equal(job.next.length, 20)
  assert.deepEqual(job.next[0], next['shop/nightly'])
  await assert.rejects(ask('/api/jobs/shop/none'), /no such job/)
  for (const month of ['', '2026-13', '2026-1', '26-11'])
    await assert.rejects(ask(`/api/cost?month=${month}`), /looks like/, month)
})
