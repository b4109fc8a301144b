import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { compact } from '../../lambda/compactor/compact.ts'
import { HISTORY_KEY } from '../../shared/history-index.ts'
import type { RunRecord } from '../../shared/run.ts'
import { Crash } from '../fakes/cloud.ts'
import { startTestCloud, type TestCloud } from '../local/fixture.ts'
import { type Installed, install, type Place, placeOf } from './compactor-emulator.ts'
import { endedRun, guard } from './compactor-fixture.ts'
import { killedAt } from './compactor-process.ts'

const options = { timeout: 180_000 }
let cloud: TestCloud
let place: Place
const installed: Installed[] = []

before(
  async () => {
    cloud = await startTestCloud()
    place = placeOf(cloud)
  },
  { timeout: 60_000 },
)
after(async () => {
  for (const each of installed) each.close()
  await cloud?.close()
})

const DAY = 24 * 60
/** Two days of a month that is over, a day that is over, and today, which is not. */
const RUNS = [-40, -39, -3, 0].map(day => endedRun(100 - day, day * DAY))
/** A run of the month that was opened again. */
const AGAIN: RunRecord = { ...(RUNS[0] as RunRecord), status: 'error', reason: 'timeout', endedAt: '2026-11-22T01:00:00.000Z' }

async function start(name: string, runs = RUNS): Promise<Installed> {
  const made = await install(place, name)
  installed.push(made)
  for (const run of runs) await made.finish(run)
  await made.poke({ runs: runs.map(run => run.id) })
  return made
}

/** The work of a day, until what was replaced has gone as well. */
async function days(made: Installed, daily: () => Promise<void> = () => made.poke({ daily: true })) {
  for (let day = 0; day < 4; day++) {
    await daily()
    made.advance(7200)
  }
}

/** When nothing happens: before a run of the month ends once more, and after. */
let first: Awaited<ReturnType<Installed['state']>>
let second: typeof first

test(
  'days and months become files: the same rows before, meanwhile and after, also for who holds the index of before',
  options,
  async () => {
    const made = await start('undisturbed')
    const before = await made.rows()
    assert.equal(before.filter(([table]) => table === 'nodes').length, 3 * RUNS.length)
    let held = false
    const meanwhile = await made.rows({
      ...made.reader,
      async get(key) {
        const bytes = await made.reader.get(key)
        if (!held) await made.poke({ daily: true })
        held = true
        return bytes
      },
    })
    assert.deepEqual(meanwhile, before)
    await days(made)
    assert.deepEqual(await made.rows(), before)
    first = await made.state()
    assert.deepEqual(
      first.index.months.map(each => each.packed),
      [2],
    )
    assert.deepEqual(
      first.index.days.map(day => day.packed),
      [undefined, 1, undefined, undefined],
    )
    // Of single runs only that of today is left, of compacted files only those in force.
    const files = first.objects.map(([key]) => key).filter(key => key.endsWith('.parquet'))
    assert.deepEqual([files.filter(key => key.includes('/run=')).length, files.length], [6, 3 * 6])

    await made.finish(AGAIN)
    await made.poke({ runs: [AGAIN.id] })
    const count = 'select status, count(*)::int from runs group by all order by all'
    const wanted = [
      ['error', 1],
      ['success', RUNS.length - 1],
    ]
    assert.deepEqual(await made.ask(count), wanted)
    await days(made)
    assert.deepEqual(await made.ask(count), wanted)
    second = await made.state()
  },
)

test('two compactors at once, and one that was held up until its lease was over: as if there were one', options, async () => {
  const made = await start('at-once')
  let late = 0
  const daily = async () => {
    let release = () => {}
    const gate = new Promise<void>(resolve => {
      release = resolve
    })
    let [isHeld, isOver] = [false, false]
    const slow = guard(made.makeDeps(), async what => {
      if (isHeld || !what.includes('/nodes/')) return
      isHeld = true
      await gate
    })
    const end = compact(slow, { daily: true })
      .then(
        () => '',
        (error: Error) => error.message,
      )
      .finally(() => {
        isOver = true
      })
    while (!isHeld && !isOver) await sleep(5)
    // Who finds the lease held leaves a note and goes.
    await compact(made.makeDeps(), { daily: true })
    made.advance(301)
    await Promise.all([compact(made.makeDeps(), {}), compact(made.makeDeps(), {})])
    release()
    if (/another compactor has the lease/.test(await end)) late++
  }
  await days(made, daily)
  assert.deepEqual(await made.state(), first)
  await made.finish(AGAIN)
  await made.poke({ runs: [AGAIN.id] })
  await days(made, daily)
  assert.deepEqual(await made.state(), second)
  assert.ok(late >= 2, `${late} came too late`)
})

test(
  'fault 37: dead in the middle of its files, before and after the index, of a day and a month, and taken over: as if nothing had been',
  options,
  async () => {
    const points = async (): Promise<number[]> => {
      const made = await start('writes')
      const writes: string[] = []
      await compact(
        guard(made.makeDeps(), what => void writes.push(what)),
        { daily: true },
      )
      const [day = 0, ...more] = writes.flatMap((what, at) => (what === `replace ${HISTORY_KEY.index}` ? [at] : []))
      const month = more.at(-1) ?? 0
      assert.match(writes[month - 1] ?? '', /month=2026-10/)
      // In the middle of its files, before the index, after it.
      return [day, month].flatMap(at => [at - 3, at, at + 1])
    }
    for (const most of await points()) {
      const made = await start(`dead-at-${most}`)
      const before = await made.rows()
      let writes = 0
      const dying = guard(made.makeDeps(), what => {
        if (writes++ >= most) throw new Crash(`dead before ${what}`)
      })
      await assert.rejects(compact(dying, { daily: true }), Crash)
      assert.deepEqual(await made.missing(), [])
      assert.deepEqual(await made.rows(), before)
      // The lease is still that of the dead one.
      await made.poke({})
      assert.deepEqual(await made.rows(), before)
      made.advance(301)
      await made.poke({})
      assert.deepEqual(await made.rows(), before)
      await days(made)
      assert.deepEqual(await made.state(), first, `dead at write ${most}`)
    }
  },
)

test('the process is killed while it writes a file: nothing is half, and the next one does it', options, async () => {
  const made = await start('killed')
  const before = await made.rows()
  const killed = await killedAt(place, made, key => key.includes('/nodes/') && key.includes('/all-'))
  assert.equal(killed.signal, 'SIGKILL')
  assert.deepEqual(await made.missing(), [])
  assert.deepEqual(await made.rows(), before)
  assert.ok((await made.index()).days.every(day => day.generation === undefined))
  // Its lease goes by the clock of this machine, on which these runs are old.
  made.setTime(Date.now() + 301_000)
  await made.poke({})
  assert.ok((await made.index()).months.length > 0)
  assert.deepEqual(await made.rows(), before)
})
