/** The part of the suite about ends of runs, what follows them, and the dispatcher's lease. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store } from '../../lambda/common/store.ts'
import { OPEN_PHASE } from '../../shared/contract.ts'
import { EFFECTS, type RunRecord, type Streak } from '../../shared/run.ts'
import { at, attemptOf, NOW, runId, runOf } from '../fakes/records.ts'
import { claimed, closing, end, endRun, limits, options, started } from './store-fixture.ts'

export function testEnds(name: string, store: () => Promise<Store>): void {
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

  test(
    `${name}: a run that is over is opened again once, when its effects are done, with nothing left of its end`,
    options,
    async () => {
      const s = await store()
      const run = await started(s, 1)
      await endRun(s, run)
      const ended = (await s.run(run.id)) as RunRecord
      const retry = { at: at(100), actor: 'ana', attempts: 1 }
      assert.equal(await s.reopen(ended, retry, at(1000)), undefined, 'effects are open')
      await s.countStreak(ended, true)
      for (const effect of EFFECTS) await s.effectDone(run.id, effect)
      assert.equal((await s.open(OPEN_PHASE.effects)).length, 0)
      const opened = await Promise.all(Array.from({ length: 5 }, () => s.reopen(ended, retry, at(1000))))
      assert.equal(opened.filter(Boolean).length, 1)
      const again = (await s.run(run.id)) as RunRecord
      assert.deepEqual(
        [again.status, again.reason, again.message, again.endedAt, again.streak, again.startBy, again.retries],
        ['queued', undefined, undefined, undefined, undefined, at(1000), [retry]],
      )
      assert.equal((await s.open(OPEN_PHASE.waiting)).length, 1)
      await s.rememberSize('shop/nightly', { cpu: 1024, memory: 3072, run: run.id })
      assert.equal((await s.job('shop/nightly')).size?.memory, 3072)
      await s.forgetSize('shop/nightly')
      assert.equal((await s.job('shop/nightly')).size, undefined)
      assert.equal(await s.startAttempt(again, { ...attemptOf(2), number: 2 }, limits), 'started')
      assert.deepEqual((await s.job('shop/nightly')).running, [run.id])
    },
  )

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

  test(`fault 42: ${name}: failures in a row are counted once for each run, in the order of the runs`, options, async () => {
    const s = await store()
    const runs = await Promise.all(
      [1, 2, 3, 4].map(number => claimed(s, runOf(number, { causeString: `request ${number}`, endedAt: at(number) }))),
    )
    const [first, second, third, fourth] = runs as [RunRecord, RunRecord, RunRecord, RunRecord]
    const counted = (streak: Streak | undefined) => [streak?.failures, streak?.since]
    assert.equal((await s.countStreak(first, true))?.first, true)
    const many = await Promise.all(Array.from({ length: 5 }, () => s.countStreak(third, true)))
    for (const streak of many) assert.deepEqual(counted(streak), [2, at(1)])
    assert.equal((await s.countStreak(second, false))?.failures, 0)
    assert.deepEqual(counted(await s.countStreak(fourth, false)), [2, at(1)])
    assert.deepEqual(counted(await s.countStreak(fourth, false)), [2, at(1)])
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
    assert.deepEqual((await lease.takeNotes(holder, at(70)))?.sort(), ['*', runId(1), runId(2)])
    assert.equal(await lease.release('another'), false)
    assert.equal(await lease.release(holder), true)
    assert.equal(await lease.leaveNote([], at(2)), false)
  })

  test(`${name}: of many notes one stays, which names no run, and a lease is handed over with its notes`, options, async () => {
    const { lease } = await store()
    await lease.acquire('first', NOW, at(60))
    for (let number = 1; number <= 50; number++) assert.equal(await lease.leaveNote([runId(number)], at(1)), true)
    await lease.handOver('another')
    assert.equal(await lease.acquire('next', at(2), at(60)), false)
    await lease.handOver('first')
    assert.equal(await lease.acquire('next', at(2), at(60)), true)
    const notes = await lease.takeNotes('next', at(60))
    assert.deepEqual([notes?.length, notes?.includes('+')], [21, true])
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
    await s.sweep.write({ checkedUntil: NOW })
    assert.deepEqual(await s.sweep.read(), { checkedUntil: NOW })
  })

  test(`${name}: deployments are listed newest first; each came into force once`, options, async () => {
    const s = await store()
    const deployment = (n: number) => ({ id: `${at(n)}-x`, hash: String(n).repeat(64), at: at(n), by: 'local:ana' })
    for (const n of [1, 3, 2]) assert.equal(await s.putDeployment(deployment(n)), true)
    assert.equal(await s.putDeployment({ ...deployment(2), by: 'local:ben' }), false)
    await s.noteInForce(deployment(2).id, at(10))
    await s.noteInForce(deployment(2).id, at(20))
    assert.deepEqual(await s.deployments(2), [deployment(3), { ...deployment(2), since: at(10) }])
    await assert.doesNotReject(s.noteInForce('gone', at(1)))
    assert.equal((await s.deployments(9)).length, 3)
  })
}
