/** The parts of the pages that need no browser. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DayPage, IndexRun, JobPage, RunNode } from '../../shared/history-index.ts'
import type { NodeRun } from '../../shared/page-api.ts'
import { monthCost } from '../../shared/page-costs.ts'
import { deedsOf } from '../../shared/page-deeds.ts'
import { readFilter } from '../../site/filter.ts'
import { findRuns, PAGE_ROWS } from '../../site/find-runs.ts'
import { flips } from '../../site/pages/node-runs.ts'
import { hrefOf, parseRoute } from '../../site/route.ts'
import { compareNodes, compareUrl, lastGood } from '../../site/run/changes.ts'
import { criticalPath, timingOf } from '../../site/run/lanes.ts'
import { levelOf, spansOf } from '../../site/run/log-text.ts'
import { streakWords } from '../../site/streak.ts'
import { attemptOf, runOf } from '../fakes/records.ts'
import { madeConfig, makeHistory } from './history.ts'

const now = new Date('2026-11-22T12:00:00Z')
const history = makeHistory({ runs: 2000, now })
const asked: string[] = []
const read = async (key: string) => {
  asked.push(key)
  return JSON.parse(String(history.objects.get(key))) as DayPage | JobPage
}
const find = (query: string, { before = '', days = 10 } = {}) =>
  findRuns(history.index, readFilter(new URLSearchParams(query)), { before, days, read })

test('addresses: what goes in comes out, also slashes, percent signs and nothing', () => {
  for (const path of [['nodes', 'a/b', 'c%d', 'model.x.<y>'], ['runs']]) assert.deepEqual(parseRoute(hrefOf(path)).path, path)
  assert.deepEqual(parseRoute('').path, ['runs'])
  assert.deepEqual(parseRoute('#/jobs/%E0%A4%A/x').path, ['jobs', '%E0%A4%A', 'x'])
  assert.equal(hrefOf(['runs'], { q: 'a b&c', empty: '' }), '#/runs?q=a+b%26c')
})

test('the pages of the list hold every run once, in order', async () => {
  const seen: string[] = []
  for (let before = '', more = true; more; before = seen.at(-1) ?? '') {
    const found = await find('', { before })
    seen.push(...found.rows.map(row => row.id))
    more = found.more
    assert.ok(found.rows.length <= PAGE_ROWS)
  }
  assert.deepEqual(
    seen,
    history.runs.map(run => run.id),
  )
})

test('a filter that finds little reads a bounded number of pages and says how far it has looked', async () => {
  asked.length = 0
  const found = await find('q=no-such-thing', { days: 4 })
  assert.deepEqual([found.rows.length, found.more, asked.length], [0, true, 4])
  assert.equal(found.backTo, asked.at(-1)?.match(/days\/(\d{4}-\d\d-\d\d)/)?.[1])
  const all = await find('q=no-such-thing', { days: 1000 })
  assert.deepEqual([all.rows.length, all.more], [0, false])
})

test('a filter by job, status and days finds what it names', async () => {
  const { rows } = await find('job=shop/marketing_attribution&status=error', { days: 1000 })
  const wanted = history.runs.filter(run => run.job === 'marketing_attribution' && run.status === 'error')
  assert.deepEqual(
    rows.map(row => row.id),
    wanted.map(run => run.id),
  )
  const day = history.index.days[3]?.date ?? ''
  const ofDay = await find(`from=${day}&to=${day}`, { days: 1000 })
  assert.deepEqual(ofDay.rows.length, Math.min(PAGE_ROWS, history.index.days[3]?.runs ?? 0))
})

const node = (name: string, from: number, to: number, over: Partial<RunNode> = {}): RunNode => ({
  uniqueId: name,
  name,
  resourceType: 'model',
  status: 'success',
  startedAt: new Date(from * 1000).toISOString(),
  endedAt: new Date(to * 1000).toISOString(),
  executionSeconds: to - from,
  step: 1,
  attempt: 1,
  ...over,
})

test('timing: no two nodes of a lane at once; the critical path looks through what did not run', () => {
  const timing = timingOf([node('a', 0, 4), node('b', 0, 2), node('c', 2, 3), node('d', 5, 9), node('e', 3, 4)])
  assert.equal(timing.lanes, 2)
  for (const one of timing.bars)
    for (const other of timing.bars)
      assert.ok(one === other || one.lane !== other.lane || one.end <= other.start || other.end <= one.start)
  const path = criticalPath(timing.bars, { d: ['ephemeral', 'c'], ephemeral: ['a'], a: [], c: ['b'] })
  assert.deepEqual(
    path.map(({ bar, waited }) => [bar.node.name, waited]),
    [
      ['a', 0],
      ['d', 1],
    ],
  )
})

test('the critical path goes through tests, which dbt build waits for, and through a model behind its unit test', () => {
  const at = (name: string, start: number, end: number, resourceType = 'model') => node(name, start, end, { resourceType })
  const nodes = [
    at('a', 0, 4),
    at('a_unique', 4, 9, 'test'),
    at('other_test', 4, 9.5, 'test'),
    at('b_unit', 9, 10, 'unit_test'),
    at('b', 10, 12),
    at('b_unique', 12, 13, 'test'),
  ]
  const parents = { b: ['a'], a_unique: ['a'], other_test: ['a', 'elsewhere'], b_unit: ['b'], b_unique: ['b'] }
  assert.deepEqual(
    criticalPath(timingOf(nodes).bars, parents).map(({ bar, waited }) => `${bar.node.name} ${waited}`),
    ['a 0', 'a_unique 0', 'b_unit 0', 'b 0', 'b_unique 0'],
  )
})

test('what changed: newly failing, slower, new and gone nodes; the last good run of the job itself', () => {
  const { failing, slower, added, removed } = compareNodes(
    [node('a', 0, 4), node('b', 0, 10), node('old', 0, 1), node('bad', 0, 1, { status: 'error' })],
    [node('a', 0, 4, { status: 'error' }), node('b', 0, 40), node('new', 0, 1), node('bad', 0, 1, { status: 'error' })],
  )
  assert.deepEqual(
    [failing, slower.map(each => each.node), added, removed].map(list => list.map(each => each.name)),
    [['a'], ['b'], ['new'], ['old']],
  )
  const run = (id: string, status: IndexRun['status'], over: Partial<IndexRun> = {}) => ({ id, status, ...over }) as IndexRun
  assert.equal(
    lastGood([run('4', 'success'), run('3', 'error'), run('2', 'success', { overrides: true }), run('1', 'warn')], '4')?.id,
    '1',
  )
})

test('links to a comparison only for git hosts that are known', () => {
  const [a, b] = ['a'.repeat(40), 'b'.repeat(40)]
  assert.equal(compareUrl('git@github.com:acme/shop.git', a, b), `https://github.com/acme/shop/compare/${a}...${b}`)
  for (const repository of [
    'https://github.com.evil.example/acme/shop',
    'javascript:alert(1)//github.com/a/b',
    'https://github.com/../x',
    'file:///srv/shop',
  ])
    assert.equal(compareUrl(repository, a, b), undefined, repository)
})

test('a failed run offers its retry first; one that goes on only to be followed and cancelled', () => {
  const failed = runOf(1, { status: 'error', reason: 'node_failures', attempts: [attemptOf()] })
  assert.deepEqual(
    deedsOf(failed, 'tidemill --local').map(deed => deed.command.split(' ').slice(0, 3).join(' ')),
    ['tidemill --local retry', 'tidemill --local run', 'tidemill --local rerun'],
  )
  assert.deepEqual(
    deedsOf(runOf(1, { status: 'running' }), 'tidemill').map(deed => deed.name),
    ['Follow', 'Cancel'],
  )
  const parse = runOf(1, { status: 'error', reason: 'parse_error', attempts: [attemptOf()] })
  assert.ok(!deedsOf(parse, 'tidemill').some(deed => deed.name === 'Retry'))
})

test('lines of the log: colours become classes, nothing invisible stays, long ones are cut', () => {
  assert.deepEqual(spansOf('\u001b[31mERROR\u001b[0m x\u202e\u0007'), [
    { text: 'ERROR', style: 'ansi-31' },
    { text: ' x', style: '' },
  ])
  assert.equal(spansOf('y'.repeat(1_000_000)).reduce((sum, span) => sum + span.text.length, 0) < 5000, true)
  assert.deepEqual(
    [
      '1 of 2 \u001b[31mERROR\u001b[0m creating',
      'Done. PASS=2 WARN=0 ERROR=0 SKIP=0',
      '2 of 2 WARN 3 x',
      '1 of 2 OK created',
      'plain',
    ].map(levelOf),
    ['error', '', 'warn', 'good', ''],
  )
})

test('cost: the rest of a month by the schedules; a month that is over has none', () => {
  const month = monthCost(
    history.runs.filter(run => run.endedAt.startsWith('2026-11')),
    madeConfig(),
    '2026-11',
    now,
  )
  const nightly = month.jobs.find(each => each.job === 'shop/nightly')
  assert.ok(nightly && month.soFar > 0)
  const each = (nightly.tasks + nightly.machinery) / nightly.runs
  assert.ok(Math.abs(nightly.rest / each - 8) < 0.6, `${nightly.rest / each} nights are left`)
  assert.ok(Math.abs(monthCost([], madeConfig(), '2026-10', now).rest) < 1e-9)
})

test('flaky is what turns on the same commit; a streak counts what has an outcome', () => {
  const run = (status: string, commit: string): NodeRun => ({ run: '', job: '', name: '', status, commit })
  assert.equal(flips([run('success', 'a'), run('fail', 'a'), run('skipped', 'a'), run('success', 'a'), run('error', 'b')]), 2)
  assert.match(
    streakWords([{ status: 'error' }, { status: 'skipped' }, { status: 'error' }, { status: 'success' }], now),
    /^The last 2 runs failed\. 2 failures in the last 3 runs/,
  )
})
