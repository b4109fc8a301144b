/** What every store must do, run on the fake in memory and on DynamoDB alike, so that the two cannot drift apart. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store } from '../../lambda/common/store.ts'
import { OPEN_PHASE } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'
import { at, attemptOf, NOW, runId, runOf, scheduled, taskArn } from '../fakes/records.ts'
import { claimed, closing, limits, options, started } from './store-fixture.ts'
import { testEnds } from './store-suite-ends.ts'

/** `store` gives an empty one. */
export function testStore(name: string, store: () => Promise<Store>): void {
  test(`${name}: a run is read as it was claimed`, options, async () => {
    const s = await store()
    const run = await claimed(s, runOf(1, { overrides: { vars: { day: '2027-01-31', list: [1, 'b', null] } } }))
    assert.deepEqual(await s.run(run.id), run)
    assert.equal(await s.run(runId(99)), undefined)
    assert.deepEqual(await s.runs([runId(99), run.id]), [run])
    assert.deepEqual(await s.causesWithoutRun([run.causeString, 'schedule shop/other']), ['schedule shop/other'])
    assert.deepEqual(await s.runsOfCauses([run.causeString, 'schedule shop/other']), [run])
  })

  test(`fault 01: ${name}: of 20 claims of one cause at the same moment one wins, and all name its run`, options, async () => {
    const s = await store()
    const claims = await Promise.all(Array.from({ length: 20 }, (_, i) => s.claim(runOf(i + 1))))
    assert.equal(claims.filter(claim => claim.claimed).length, 1)
    const winner = (await s.runs(Array.from({ length: 20 }, (_, i) => runId(i + 1)))).map(run => run.id)
    assert.equal(winner.length, 1)
    for (const claim of claims) if (!claim.claimed) assert.equal(claim.run, winner[0])
  })

  test(`${name}: a claim that is repeated by its own maker is still his`, options, async () => {
    const s = await store()
    const run = await claimed(s, runOf(1))
    assert.deepEqual(await s.claim(run), { claimed: true })
  })

  test(`fault 11: ${name}: of 10 starts at the same moment as many win as there are places`, options, async () => {
    const s = await store()
    const runs = await Promise.all(
      Array.from({ length: 10 }, (_, i) => claimed(s, runOf(i + 1, { causeString: `request ${i}` }))),
    )
    const answers = await Promise.all(runs.map(run => s.startAttempt(run, attemptOf(), { job: 3, environment: 5 })))
    assert.equal(answers.filter(answer => answer === 'started').length, 3)
    assert.equal(answers.filter(answer => answer === 'job-full').length, 7)
    assert.equal((await s.job('shop/nightly')).running.length, 3)
  })

  test(`${name}: the environment's limit holds for all of its jobs`, options, async () => {
    const s = await store()
    await started(s, 1, { job: 'a' })
    await started(s, 2, { job: 'b' })
    const third = await claimed(s, runOf(3, { job: 'c', causeString: 'request 3' }))
    assert.equal(await s.startAttempt(third, attemptOf(), limits), 'environment-full')
    assert.deepEqual((await s.job('shop/c')).running, [])
  })

  test(`fault 13: ${name}: nothing of a paused job starts, but a run between two attempts goes on`, options, async () => {
    const s = await store()
    const first = await started(s, 1)
    await s.nextAttempt(first, closing, { notBefore: at(90), startBy: at(900) })
    await s.pause('shop/nightly', { at: NOW, actor: 'local:ana' })
    const second = await claimed(s, runOf(2, { causeString: 'request 2' }))
    assert.equal(await s.startAttempt(second, attemptOf(), { job: 5, environment: 5 }), 'paused')
    assert.equal(await s.startAttempt(first, attemptOf(2), limits), 'started')
    await s.pause('shop/nightly', undefined)
    assert.equal((await s.job('shop/nightly')).paused, undefined)
    assert.equal(await s.startAttempt(second, attemptOf(), { job: 5, environment: 5 }), 'started')
  })

  test(`${name}: a start counts only for the attempt and the run it was made for`, options, async () => {
    const s = await store()
    const run = await started(s, 1)
    assert.equal(await s.startAttempt(run, attemptOf(), limits), 'changed')
    const other = await claimed(s, runOf(2, { job: 'b', causeString: 'request 2' }))
    await s.askCancel(other.id, { at: NOW, actor: 'local:ana' })
    assert.equal(await s.startAttempt(other, attemptOf(), limits), 'changed')
  })

  test(`${name}: back to the line without the attempt, its places are free`, options, async () => {
    const s = await store()
    const run = await started(s, 1)
    const back = { notBefore: at(5), startBy: at(900), launchTries: 1, lastLaunchError: 'RESOURCE:CPU' }
    const queued = await s.requeue(run, back)
    assert.deepEqual([queued?.status, queued?.attempts, queued?.notBefore, queued?.launchTries], ['queued', [], at(5), 1])
    assert.deepEqual((await s.job('shop/nightly')).running, [])
    assert.equal(await s.requeue(run, back), undefined)
    assert.deepEqual(
      (await s.open(OPEN_PHASE.waiting)).map(entry => entry.pk),
      [`RUN#${run.id}`],
    )
    assert.equal(await s.startAttempt(queued as RunRecord, attemptOf(), limits), 'started')
    assert.equal((await s.run(run.id))?.notBefore, undefined)
  })

  test(`fault 06: ${name}: an attempt keeps its first task, and does not go back to the line with one`, options, async () => {
    const s = await store()
    const run = await started(s, 1)
    assert.equal((await s.noteTask(run.id, 1, taskArn(1)))?.attempts[0]?.taskArn, taskArn(1))
    assert.ok(await s.noteTask(run.id, 1, taskArn(1)))
    assert.equal(await s.noteTask(run.id, 1, taskArn(2)), undefined)
    assert.equal(await s.noteTask(run.id, 2, taskArn(1)), undefined)
    assert.equal(await s.noteTask(runId(9), 1, taskArn(1)), undefined)
    const back = { notBefore: at(5), startBy: at(900), launchTries: 1, lastLaunchError: '' }
    assert.equal(await s.requeue(run, back), undefined)
  })

  test(`fault 01: ${name}: of 10 writes of what a job waits for, made on one version, one counts`, options, async () => {
    const s = await store()
    assert.equal(await s.fanIn('shop/report'), undefined)
    const state = (version: number, run: string) => ({
      version,
      ends: { 'shop/a': { run, job: 'shop/a', status: 'success' as const, endedAt: NOW } },
      used: {},
      due: [[{ run, job: 'shop/b', status: 'warn' as const, endedAt: NOW }]],
    })
    for (const version of [1, 2]) {
      const writes = await Promise.all(
        Array.from({ length: 10 }, (_, i) => s.putFanIn('shop/report', state(version, runId(version * 100 + i)))),
      )
      assert.equal(writes.filter(Boolean).length, 1)
      const winner = runId(version * 100 + writes.indexOf(true))
      assert.deepEqual(await s.fanIn('shop/report'), state(version, winner))
    }
    assert.equal(await s.putFanIn('shop/report', state(2, runId(9))), false)
  })

  test(`${name}: the waiting line comes in order of priority, then claim`, options, async () => {
    const s = await store()
    const order = [runOf(1, { priority: -10 }), runOf(2), runOf(3, { priority: 10 }), runOf(4)]
    for (const [index, run] of order.entries()) await claimed(s, { ...run, causeString: `request ${index}` })
    const line = (await s.open(OPEN_PHASE.waiting)).map(entry => entry.pk)
    assert.deepEqual(
      line,
      [3, 2, 4, 1].map(number => `RUN#${runId(number)}`),
    )
  })

  test(`${name}: 250 runs are read at once and found in the index`, options, async () => {
    const s = await store()
    const runs = Array.from({ length: 250 }, (_, i) => runOf(i + 1, { cause: scheduled(), causeString: `request ${i}` }))
    for (let start = 0; start < runs.length; start += 25)
      await Promise.all(runs.slice(start, start + 25).map(run => s.claim(run)))
    assert.equal((await s.runs(runs.map(run => run.id))).length, 250)
    assert.equal((await s.open(OPEN_PHASE.waiting)).length, 250)
  })

  testEnds(name, store)
}
