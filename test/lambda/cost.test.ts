/** The requests of one run and of an idle turn, counted on the real logic, against the budgets that the prices stand on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { launch } from '../../lambda/common/launch.ts'
import { compact } from '../../lambda/compactor/compact.ts'
import { ROWS_OF_FILE } from '../../lambda/compactor/pack.ts'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { finish } from '../../lambda/finisher/finish.ts'
import { makeOutbox } from '../../lambda/notifier/outbox.ts'
import { sweep } from '../../lambda/sweeper/sweep.ts'
import { KEY } from '../../shared/contract.ts'
import { idleMonth, priceOfUse, USE_OF_TURN, useOfRun } from '../../shared/machinery-cost.ts'
import { NO_NODES, type NodeResult } from '../../shared/run.ts'
import { countCapacity } from '../fakes/capacity.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { stopOf, taskEvent } from '../fakes/ecs.ts'
import { at, configOf, jobOf, NOW } from '../fakes/records.ts'

const options = { timeout: 10_000 }
/** Ten minutes, 300 nodes, half a megabyte of log. */
const USUAL = { seconds: 600, logMb: 0.5 }

/** Counts requests of the Lambdas to the bucket as S3 bills them: a listing and a copy cost like a write. */
function countBucket({ deps: { bucket } }: FakeCloud): { puts: number; gets: number } {
  const count = { puts: 0, gets: 0 }
  for (const [name, kind] of [
    ['read', 'gets'],
    ['write', 'puts'],
    ['replace', 'puts'],
    ['copy', 'puts'],
    ['list', 'puts'],
  ] as const) {
    const plain = bucket[name] as (...args: unknown[]) => Promise<unknown>
    Object.assign(bucket, {
      [name]: (...args: unknown[]) => {
        count[kind]++
        return plain(...args)
      },
    })
  }
  return count
}

const node = (n: number): NodeResult => ({
  uniqueId: `model.shop.model_with_a_usual_name_${n}`,
  name: `model_with_a_usual_name_${n}`,
  resourceType: 'model',
  status: 'error',
  message: 'Binder Error: Referenced column "amount_usd" not found in FROM clause'.repeat(4),
})

/** As the runner leaves it behind: a failure, whose record is the larger one. */
function leaveResult(cloud: FakeCloud, record: Parameters<typeof KEY.attempt>[0]): void {
  const prefix = KEY.attempt(record, 1)
  const names = ['checkout', 'deps', 'freshness', 'build', 'docs']
  const steps = names.map((name, index) => ({
    ...{
      index,
      name,
      kind: name === 'build' ? 'dbt' : name,
      command: `dbt ${name}`,
      status: name === 'build' ? 'error' : 'success',
    },
    ...{ startedAt: NOW, endedAt: at(60), counts: { ...NO_NODES, success: 280, error: 20 } },
    artifacts: ['manifest.json', 'run_results.json', 'log.txt'],
  }))
  cloud.put(KEY.result(prefix), {
    ...{
      schemaVersion: 1,
      run: record.id,
      attempt: 1,
      outcome: 'error',
      reason: 'node_failures',
      message: '20 of 300 models failed.',
    },
    commit: { sha: 'a'.repeat(40), author: 'A. Author', subject: 'A usual subject of a commit', committedAt: NOW },
    ...{ steps, counts: { ...NO_NODES, success: 280, error: 20 }, failures: Array.from({ length: 20 }, (_, n) => node(n)) },
    ...{ startedAt: NOW, endedAt: at(600), artifactsIncomplete: false, docsUploaded: true, parts: PARTS },
  })
  for (let part = 1; part <= PARTS; part++) cloud.put(KEY.part(prefix, part), { type: 'node', step: 3, ...node(part) })
  for (const name of ['manifest.json', 'run_results.json']) cloud.put(`${KEY.step(prefix, 3, 'build')}${name}`, {})
  for (const name of ['index.html', 'manifest.json', 'catalog.json'])
    cloud.put(`${KEY.docs('shop', 'prod', record.id, 1)}${name}`, {})
}

test('a run keeps to the budget of requests on which its price stands', options, async t => {
  const cloud = makeCloud(configOf([jobOf()]))
  const table = countCapacity(cloud.store.table, () => cloud.deps.now().getTime())
  const bucket = countBucket(cloud)
  const { run } = await launch(cloud.deps, { kind: 'schedule', job: 'shop/nightly', schedule: 'default', scheduledFor: NOW })
  await dispatch(cloud.deps, { runs: [run] })
  const [task] = cloud.ecs.tasks.values()
  assert.ok(task)
  await finish(cloud.deps, taskEvent(task, { lastStatus: 'RUNNING', startedAt: NOW }))
  cloud.advance(600)
  leaveResult(cloud, await cloud.run(run))
  const pokes: object[] = []
  const compactor = { ...cloud.deps, rowsOfFile: ROWS_OF_FILE, compact: async (payload: object) => void pokes.push(payload) }
  await finish(compactor, taskEvent(task, stopOf(1)))
  for (const poke of pokes) await compact(compactor, poke)
  await dispatch(cloud.deps, {})
  const outbox = makeOutbox({ client: cloud.store.table.client, table: 'memory' })
  for (const message of cloud.message()) {
    const taken = await outbox.take(message.pk, at(700), at(900))
    await cloud.store.run(message.runId)
    assert.ok(taken && (await outbox.sent(taken, at(701))))
  }
  // Launcher, dispatcher, finisher twice, and what they called.
  const calls = 3 + cloud.calls.length + pokes.length
  const budget = useOfRun(USUAL)
  const ofRunner = budget.bucketPuts - RUNNER_PUTS
  t.diagnostic(
    `table ${table.total.write} written, ${table.total.read} read; bucket ${bucket.puts} puts, ${bucket.gets} gets; ${calls} calls`,
  )
  for (const [what, used, most] of [
    ['table writes', table.total.write, budget.tableWrites],
    ['table reads', table.total.read, budget.tableReads],
    ['puts of the functions', bucket.puts, ofRunner],
    ['gets of the functions', bucket.gets, budget.bucketGets - OTHER_GETS],
    ['calls of functions', calls, budget.lambdaRequests],
  ] as const) {
    assert.ok(used <= most, `${what}: ${used} of ${most}`)
    // A budget that is far from what is used says nothing.
    assert.ok(used > most / 4, `${what}: only ${used} of ${most}`)
  }
})

/** One every five seconds. */
const PARTS = 120
/** The parts, and 24 for artifacts, docs, caches and the result. */
const RUNNER_PUTS = PARTS + 24
/** The plan, caches and state; and what the compactor reads when the day and the month are closed. */
const OTHER_GETS = 10 + 12

test('a run costs at most 0.002 USD beside its task, an idle month at most 0.50', options, () => {
  const run = priceOfUse(useOfRun(USUAL))
  assert.ok(run <= 0.002, `${run}`)
  assert.ok(run > 0.0005, `${run}: too little to be true`)
  const idle = idleMonth().reduce((sum, each) => sum + each.usd, 0)
  assert.ok(idle <= 0.5, `${idle}`)
})

test('a turn of the sweeper that finds nothing keeps to its budget, also with 20 jobs', options, async t => {
  const jobs = Array.from({ length: 20 }, (_, n) => jobOf({ name: `job_${n}` }))
  const cloud = makeCloud(configOf(jobs))
  await sweep(cloud.deps)
  const table = countCapacity(cloud.store.table, () => cloud.deps.now().getTime())
  const bucket = countBucket(cloud)
  const turns = 12
  for (let turn = 0; turn < turns; turn++) {
    cloud.advance(300)
    await sweep(cloud.deps)
  }
  t.diagnostic(`${table.total.write / turns} written, ${table.total.read / turns} read a turn`)
  assert.ok(table.total.write / turns <= USE_OF_TURN.tableWrites, `${table.total.write / turns} written`)
  assert.ok(table.total.read / turns <= USE_OF_TURN.tableReads, `${table.total.read / turns} read`)
  assert.deepEqual([bucket.puts, cloud.calls.length], [0, 0])
})
