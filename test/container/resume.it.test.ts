import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { mergeAttempts } from '../../shared/resume.ts'
import { startBucket } from './bucket.ts'
import { type Files, makeFolder, makeRepository } from './project.ts'
import { CHAIN, killAll, ledgerOf, nextPlan, query, SLEEP, succeeded } from './resume-fixture.ts'
import { makePlan, readParts, startRunner, step, VENV } from './runner.ts'

for (const [trial, from] of ['a', 'd', 'g'].entries())
  test(`fault 24: runner and dbt are killed at a random moment, the disk is lost, and the next attempt does the rest (${trial + 1})`, {
    timeout: 120_000,
  }, async t => {
    const folder = makeFolder(fn => t.after(fn))
    const bucket = await startBucket()
    t.after(() => bucket.close())
    const repository = makeRepository(folder, CHAIN)
    const plan = makePlan(repository, folder)
    const first = startRunner(bucket, plan, folder)
    t.after(() => first.child.kill('SIGKILL'))
    await first.said(`START sql table model main.${from} `)
    await new Promise(resolve => setTimeout(resolve, Math.random() * 1500))
    killAll(first.child.pid ?? 0)
    await first.end
    rmSync(join(folder, 'work'), { recursive: true, force: true })
    const database = join(folder, 'shop.duckdb')
    const before = query(database, 'select name from built')
    const ledger = ledgerOf(bucket, plan)
    const stored = succeeded(readParts(bucket, plan))
    // What is pushed meanwhile is not this run's.
    repository.commit({ 'models/apart.sql': 'select broken' }, 'second')

    const next = nextPlan(bucket, plan, [ledger])
    const second = startRunner(bucket, next.plan, folder)
    t.after(() => second.child.kill('SIGKILL'))
    const end = await second.end
    assert.equal(end.result?.outcome, 'success', end.output)
    assert.deepEqual(end.result?.commit, ledger.commit)
    const again = succeeded(end.lines)
    assert.deepEqual(
      again.filter(id => stored.includes(id)),
      [],
      'no node again whose end had reached the bucket',
    )
    assert.equal(new Set(again).size, again.length, 'each node once')
    const [unitTest, model] = ['unit_test.shop.h.keeps_ids', 'model.shop.h'].map(id => again.indexOf(id))
    // A quick machine may have come as far before the kill.
    if (unitTest === -1) assert.ok(stored.includes('unit_test.shop.h.keeps_ids'))
    else assert.ok(Number(unitTest) < Number(model), 'a unit test before its model')
    const built = query(database, 'select name from built').slice(before.length)
    assert.equal(new Set(built).size, built.length, `built once: ${built}`)
    const merged = mergeAttempts([ledger, ledgerOf(bucket, next.plan)])
    // A seed, ten models with rows, the snapshot, three tests, the unit test; the hook once in each attempt.
    const nodes = merged.nodes.filter(({ node }) => node.resourceType !== 'operation' && node.materialized !== 'ephemeral')
    assert.equal(
      nodes.filter(each => each.node.status === 'success').length,
      16,
      JSON.stringify(nodes.map(each => each.node.uniqueId)),
    )
    if (next.left !== undefined) assert.equal(again.filter(id => !/^operation\.|\.thin$/.test(id)).length, next.left)
  })

test('fault 22: a run stopped by SIGTERM goes on with what was left, and with its own arguments', {
  timeout: 120_000,
}, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const args = ['build', '--select', '+d', 'c', '--vars', '{day: 7}', '--full-refresh']
  const files = { ...CHAIN, 'models/c.sql': `select id, {{ var('day') }} as day, (${SLEEP}) as n from {{ ref('b') }}` }
  const plan = makePlan(makeRepository(folder, files), folder, {
    steps: [step(0, 'checkout'), step(1, 'dbt', ['run-operation', 'nothing']), step(2, 'dbt', args)].filter(
      each => each.index !== 1,
    ),
  })
  const first = startRunner(bucket, plan, folder)
  t.after(() => first.child.kill('SIGKILL'))
  await first.said('START sql table model main.b ')
  first.child.kill('SIGTERM')
  const end = await first.end
  assert.equal(end.result?.outcome, 'cancelled', end.output)
  const ledger = ledgerOf(bucket, plan)
  const next = nextPlan(bucket, plan, [ledger])
  const rest = await startRunner(bucket, next.plan, folder).end
  assert.equal(rest.result?.outcome, 'success', rest.output)
  const ran = succeeded(rest.lines)
  for (const name of ['c', 'd']) assert.ok(ran.includes(`model.shop.${name}`), String(ran))
  for (const name of ['e', 'apart', 'last']) assert.ok(!ran.includes(`model.shop.${name}`), 'what was not selected is not built')
  for (const id of succeeded(end.lines)) assert.ok(!ran.includes(id) || id.startsWith('operation.'), `${id} again`)
  assert.deepEqual(query(join(folder, 'shop.duckdb'), 'select distinct day from c'), ['7'])
  const results = JSON.parse(bucket.text(`${next.plan.prefixes.attempt}steps/2-build/run_results.json`))
  assert.equal(results.args.full_refresh, true)
  // dbt's own results of this attempt, and those of the first from the record.
  const ids = results.results.map((each: { unique_id: string }) => each.unique_id)
  const shown = (all: string[]) => all.filter(id => !/^operation\.|\.thin$/.test(id)).sort()
  assert.equal(new Set(ids).size, ids.length)
  assert.deepEqual(shown(ids), shown([...succeeded(end.lines), ...ran]))
  assert.equal(results.metadata.env.TIDEMILL_FROM_EARLIER_ATTEMPTS, String(shown(succeeded(end.lines)).length))
})

test('a failing model is repaired in the data: finished steps are skipped, a retry with nothing left starts no build', {
  timeout: 120_000,
}, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const files: Files = {
    'dbt_project.yml': CHAIN['dbt_project.yml'] ?? '',
    'seeds/numbers.csv': 'id\n1\n',
    'models/good.sql': "select * from {{ ref('numbers') }}",
    'models/bad.sql': 'select cast(value as integer) as n from delivered',
    'models/after.sql': "select * from {{ ref('bad') }}",
  }
  const steps = [step(0, 'checkout'), step(1, 'dbt', ['seed']), step(2, 'dbt', ['run']), step(3, 'docs', [], false)]
  const plan = makePlan(makeRepository(folder, files), folder, { steps })
  const failed = await startRunner(bucket, plan, folder).end
  assert.equal(failed.result?.reason, 'node_failures', failed.output)
  const ledgers = [ledgerOf(bucket, plan)]
  const second = nextPlan(bucket, plan, ledgers)
  assert.equal(second.left, 2)
  const script = 'import duckdb, sys; duckdb.connect(sys.argv[1]).execute("create table delivered as select 5 as value")'
  execFileSync(join(VENV, 'bin/python'), ['-c', script, join(folder, 'shop.duckdb')])
  const repaired = await startRunner(bucket, second.plan, folder).end
  assert.equal(repaired.result?.outcome, 'success', repaired.output)
  assert.deepEqual(
    repaired.result?.steps.map(each => [each.name, each.status, each.attempt]),
    [
      ['checkout', 'success', undefined],
      ['seed', 'success', 1],
      ['run', 'success', undefined],
      ['docs', 'success', undefined],
    ],
  )
  assert.deepEqual(
    succeeded(repaired.lines)
      .filter(id => id.startsWith('model.'))
      .sort(),
    ['model.shop.after', 'model.shop.bad'],
  )
  ledgers.push(ledgerOf(bucket, second.plan))
  const { counts } = mergeAttempts(ledgers)
  assert.deepEqual([counts.error, counts.skipped], [0, 0])
  // As if the container had died after its last node, before the end of the step.
  const cut = ledgers.map(each => ({
    ...each,
    steps: each.steps.map(one => (one.name === 'run' ? { ...one, status: 'error' as const } : one)),
  }))
  const third = nextPlan(bucket, second.plan, cut)
  const nothing = await startRunner(bucket, third.plan, folder).end
  assert.equal(nothing.result?.outcome, 'success', nothing.output)
  assert.deepEqual(succeeded(nothing.lines), [])
  assert.match(nothing.output, /3 of 3 nodes were done by attempt 2, 0 are left/)
  // What is published as state comes from the last attempt.
  const artifact = (name: string) => JSON.parse(bucket.text(`${third.plan.prefixes.attempt}steps/2-run/${name}`))
  assert.ok(artifact('manifest.json').nodes['model.shop.bad'])
  assert.deepEqual(
    artifact('run_results.json').results.map((each: { unique_id: string; status: string }) => `${each.unique_id} ${each.status}`),
    ['good', 'bad', 'after'].map(name => `model.shop.${name} success`).concat('operation.shop.shop-on-run-start-0 success'),
  )
})
