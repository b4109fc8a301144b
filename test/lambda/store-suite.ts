/** What every store must do, run on the fake in memory and on DynamoDB alike, so that the two cannot drift apart. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyEnd } from '../../lambda/common/finalise.ts'
import { OPEN_STATUSES, type Store } from '../../lambda/common/store.ts'
import { OPEN_PHASE } from '../../shared/contract.ts'
import { EFFECTS, type RunRecord } from '../../shared/run.ts'
import { at, attemptOf, NOW, requested, runId, runOf, scheduled, taskArn } from '../fakes/records.ts'

/** `store` gives an empty one; `other` another client of the one given last. */
export function testStore(name: string, store: () => Promise<Store>): void {
  const options = { timeout: 60_000 }
  const limits = { job: 1, environment: 2 }
  const claimed = async (s: Store, run: RunRecord) => {
    assert.deepEqual(await s.claim(run), { claimed: true })
    return run
  }
  const started = async (s: Store, number: number, over: Partial<RunRecord> = {}) => {
    const run = await claimed(s, runOf(number, { cause: requested(`key-${number}`), causeString: `request ${number}`, ...over }))
    assert.equal(await s.startAttempt(run, attemptOf(), limits), 'started')
    return (await s.run(run.id)) as RunRecord
  }
  const end = { status: 'error', reason: 'node_failures', message: '2 of 9 models' } as const
  const closing = { stoppedAt: at(60), exitCode: 1, outcome: end }
  const endRun = (s: Store, run: RunRecord) =>
    s.endRun(run, { statuses: OPEN_STATUSES, attempts: run.attempts.length }, applyEnd(run, end, new Date(at(60)), closing))

  test(`${name}: a run is read as it was claimed`, options, async () => {
    const s = await store()
    const run = await claimed(s, runOf(1, { overrides: { vars: { day: '2027-01-31', list: [1, 'b', null] } } }))
    assert.deepEqual(await s.run(run.id), run)
    assert.equal(await s.run(runId(99)), undefined)
    assert.deepEqual(await s.runs([runId(99), run.id]), [run])
    assert.deepEqual(await s.causesWithoutRun([run.causeString, 'schedule shop/other']), ['schedule shop/other'])
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

  test(`fault 32: ${name}: RUNNING counts once and never after the end`, options, async () => {
    const s = await store()
    const run = await started(s, 1)
    const running = await s.noteRunning(run.id, 1, { startedAt: at(30), eventVersion: 3 })
    assert.deepEqual([running?.status, running?.startedAt, running?.attempts[0]?.eventVersion], ['running', at(30), 3])
    assert.equal(await s.noteRunning(run.id, 1, { startedAt: at(31), eventVersion: 4 }), undefined)
    assert.ok(await endRun(s, running as RunRecord))
    assert.equal(await s.noteRunning(run.id, 1, { startedAt: at(32), eventVersion: 5 }), undefined)
    assert.equal((await s.run(run.id))?.status, 'error')
  })

  test(`fault 31: ${name}: of 10 ends at the same moment one counts`, options, async () => {
    const s = await store()
    const run = await started(s, 1)
    const ends = await Promise.all(Array.from({ length: 10 }, () => endRun(s, run)))
    assert.equal(ends.filter(Boolean).length, 1)
    const ended = (await s.run(run.id)) as RunRecord
    assert.deepEqual(
      [ended.status, ended.reason, ended.message, ended.endedAt],
      ['error', 'node_failures', '2 of 9 models', at(60)],
    )
    assert.deepEqual(ended.effects, [...EFFECTS])
    assert.deepEqual([ended.attempts[0]?.outcome, ended.attempts[0]?.runTaskInput], [end, '{}'])
    assert.deepEqual((await s.job('shop/nightly')).running, [])
    assert.equal((await s.open(OPEN_PHASE.active)).length, 0)
    assert.equal((await s.open(OPEN_PHASE.effects)).length, 1)
  })

  test(`${name}: an end and another attempt exclude each other`, options, async () => {
    const s = await store()
    const run = await started(s, 1)
    const [ended, next] = await Promise.all([
      endRun(s, run),
      s.nextAttempt(run, closing, { notBefore: at(90), startBy: at(900) }),
    ])
    assert.equal([ended, next].filter(Boolean).length, 1)
  })

  test(`${name}: another attempt waits with its places kept; asked to cancel there is none`, options, async () => {
    const s = await store()
    const run = await started(s, 1)
    const next = await s.nextAttempt(run, closing, { notBefore: at(90), startBy: at(900) })
    assert.deepEqual([next?.status, next?.attempts.length, next?.attempts[0]?.outcome?.reason], ['queued', 1, 'node_failures'])
    assert.deepEqual((await s.job('shop/nightly')).running, [run.id])
    assert.equal(await s.nextAttempt(run, closing, { notBefore: at(90), startBy: at(900) }), undefined)
    const other = await started(s, 2, { job: 'b' })
    await s.askCancel(other.id, { at: NOW, actor: 'local:ana' })
    assert.equal(await s.nextAttempt(other, closing, { notBefore: at(90), startBy: at(900) }), undefined)
  })

  test(`${name}: the first who cancels is kept, and nobody cancels a run that is over`, options, async () => {
    const s = await store()
    const run = await started(s, 1)
    await s.askCancel(run.id, { at: NOW, actor: 'local:ana' })
    assert.equal((await s.askCancel(run.id, { at: at(5), actor: 'local:ben' }))?.cancel?.actor, 'local:ana')
    await endRun(s, run)
    assert.equal(await s.askCancel(run.id, { at: at(6), actor: 'local:eve' }), undefined)
    assert.equal(await s.noteTimedOut(run.id, 1, at(7)), undefined)
    assert.equal((await s.run(run.id))?.cancel?.actor, 'local:ana')
  })

  test(`${name}: effects are taken out one by one, then the run leaves the index`, options, async () => {
    const s = await store()
    const run = await started(s, 1)
    await endRun(s, run)
    for (const [index, effect] of EFFECTS.entries()) {
      assert.equal((await s.open(OPEN_PHASE.effects)).length, 1)
      await s.effectDone(run.id, effect)
      await s.effectDone(run.id, effect)
      assert.deepEqual((await s.run(run.id))?.effects ?? [], EFFECTS.slice(index + 1))
    }
    assert.equal((await s.open(OPEN_PHASE.effects)).length, 0)
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

  test(`fault 42: ${name}: failures in a row are counted once for each run, in the order of the runs`, options, async () => {
    const s = await store()
    const runs = await Promise.all(
      [1, 2, 3, 4].map(number => claimed(s, runOf(number, { causeString: `request ${number}`, endedAt: at(number) }))),
    )
    const [first, second, third, fourth] = runs as [RunRecord, RunRecord, RunRecord, RunRecord]
    assert.deepEqual(await s.countStreak(first, true), { failures: 1, since: at(1) })
    const many = await Promise.all(Array.from({ length: 5 }, () => s.countStreak(third, true)))
    for (const streak of many) assert.deepEqual(streak, { failures: 2, since: at(1) })
    assert.equal((await s.countStreak(second, false))?.failures, 0)
    assert.deepEqual(await s.countStreak(fourth, false), { failures: 2, since: at(1) })
    assert.deepEqual(await s.countStreak(fourth, false), { failures: 2, since: at(1) })
    assert.equal((await s.job('shop/nightly')).streak?.failures, 0)
  })

  test(`${name}: a message is put once`, options, async () => {
    const s = await store()
    const message = {
      pk: 'MSG#1',
      schemaVersion: 1,
      runId: runId(1),
      kind: 'error',
      channel: 'slack',
      target: '',
      state: 'pending',
      tries: 0,
      createdAt: NOW,
    } as const
    const puts = await Promise.all(Array.from({ length: 5 }, () => s.putMessage(message)))
    assert.equal(puts.filter(Boolean).length, 1)
    assert.equal((await s.open(OPEN_PHASE.message)).length, 1)
  })

  test(`${name}: the lease has one holder, who cannot let go over an unread note`, options, async () => {
    const { lease } = await store()
    const taken = await Promise.all(Array.from({ length: 10 }, (_, i) => lease.acquire(`h${i}`, NOW, at(60))))
    assert.equal(taken.filter(Boolean).length, 1)
    const holder = `h${taken.indexOf(true)}`
    assert.equal(await lease.leaveNote([runId(1), runId(2)], at(1)), true)
    assert.equal(await lease.leaveNote([], at(1)), true)
    assert.equal(await lease.release(holder), false)
    assert.deepEqual((await lease.takeNotes(holder, at(70)))?.sort(), [runId(1), runId(2)])
    assert.equal(await lease.release('another'), false)
    assert.equal(await lease.release(holder), true)
    assert.equal(await lease.leaveNote([], at(2)), false)
  })

  test(`${name}: a lease that ran out goes to the next with the notes of the dead`, options, async () => {
    const { lease } = await store()
    await lease.acquire('dead', NOW, at(60))
    await lease.leaveNote([runId(1)], at(1))
    assert.equal(await lease.acquire('next', at(59), at(120)), false)
    assert.equal(await lease.acquire('next', at(61), at(120)), true)
    assert.equal(await lease.takeNotes('dead', at(130)), undefined)
    assert.deepEqual(await lease.takeNotes('next', at(130)), [runId(1)])
  })

  test(`${name}: audit entries and the sweeper's memory are kept`, options, async () => {
    const s = await store()
    const entry = {
      id: `${NOW}-1`,
      at: NOW,
      actor: 'local:ana',
      operation: 'cancel',
      subject: runId(1),
      ok: true,
      answer: 'done',
    }
    await s.audit(entry)
    assert.equal(await s.sweep.read(), undefined)
    const state = { checkedUntil: NOW, configs: [{ hash: 'a'.repeat(64), since: NOW }] }
    await s.sweep.write(state)
    assert.deepEqual(await s.sweep.read(), state)
  })

  test(`${name}: 250 runs are read at once and found in the index`, options, async () => {
    const s = await store()
    const runs = Array.from({ length: 250 }, (_, i) => runOf(i + 1, { cause: scheduled(), causeString: `request ${i}` }))
    for (let start = 0; start < runs.length; start += 25)
      await Promise.all(runs.slice(start, start + 25).map(run => s.claim(run)))
    assert.equal((await s.runs(runs.map(run => run.id))).length, 250)
    assert.equal((await s.open(OPEN_PHASE.waiting)).length, 250)
  })
}
