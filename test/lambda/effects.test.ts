import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPartial, publishDocs, publishState } from '../../lambda/common/effect-publish.ts'
import { runEffects } from '../../lambda/common/effects.ts'
import { recipients } from '../../lambda/common/recipients.ts'
import { KEY } from '../../shared/contract.ts'
import type { Pointer } from '../../shared/pointer.ts'
import type { RunRecord } from '../../shared/run.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { at, attemptOf, configOf, jobOf, requested, runId, runOf } from '../fakes/records.ts'

const options = { timeout: 10_000 }
const good = (number: number, startedAt: string, over: Partial<RunRecord> = {}): RunRecord =>
  runOf(number, {
    status: 'success',
    docsUploaded: true,
    endedAt: at(600),
    attempts: [attemptOf(1, { startedAt })],
    steps: [{ index: 1, name: 'build', kind: 'dbt', command: 'dbt build', status: 'success', artifacts: ['manifest.json'] }],
    ...over,
  })
const putDocs = (cloud: FakeCloud, run: RunRecord, attempt = 1) =>
  cloud.put(`${KEY.docs('shop', 'prod', run.id, attempt)}index.html`, {})
const docs = (cloud: FakeCloud) => (cloud.json(KEY.docsPointer('shop', 'prod')) as Pointer | undefined)?.run
const putManifest = (cloud: FakeCloud, run: RunRecord) =>
  cloud.put(`${KEY.step(KEY.attempt(run, 1), 1, 'build')}manifest.json`, { of: run.id })

test('fault 37: of 20 runs that publish at the same moment the one with the latest commit stays', options, async () => {
  const cloud = makeCloud()
  const runs = Array.from({ length: 20 }, (_, i) => good(i + 1, at(i)))
  for (const run of runs) putDocs(cloud, run)
  await Promise.all(runs.reverse().map(run => publishDocs(cloud.deps, run)))
  assert.equal(docs(cloud), runId(20))
  await publishDocs(cloud.deps, good(7, at(6)))
  assert.equal(docs(cloud), runId(20))
})

test('fault 37: state is complete before the pointer names it', options, async () => {
  const cloud = makeCloud()
  const run = good(1, at(0))
  putManifest(cloud, run)
  cloud.crashAfter(2)
  await assert.rejects(publishState(cloud.deps, run), /dead/)
  cloud.crashAfter(undefined)
  assert.equal(cloud.json(KEY.statePointer('shop', 'prod')), undefined)
  await publishState(cloud.deps, run)
  assert.deepEqual((cloud.json(KEY.statePointer('shop', 'prod')) as Pointer).files, ['manifest.json'])
})

test('what is broken in place of a pointer is replaced', options, async () => {
  const cloud = makeCloud()
  cloud.put(KEY.docsPointer('shop', 'prod'), new TextEncoder().encode('<html>'))
  const run = good(1, at(0))
  putDocs(cloud, run)
  await publishDocs(cloud.deps, run)
  assert.equal(docs(cloud), runId(1))
})

test(
  'docs and state are published only of the environment’s own code, by the job that publishes, when all was built',
  options,
  async () => {
    const cases: [Partial<RunRecord>, boolean, boolean][] = [
      [{}, true, true],
      [{ overrides: { fullRefresh: true } }, true, true],
      [{ overrides: { branch: 'feature' } }, false, false],
      [{ overrides: { commit: '4f2c1ab' } }, false, false],
      [{ overrides: { steps: ['dbt build --select a'] } }, true, false],
      [{ overrides: { vars: { day: 1 } } }, true, false],
      [{ status: 'error', reason: 'test_failures' }, true, false],
      [{ status: 'warn' }, true, true],
      [{ docsUploaded: false }, false, true],
    ]
    for (const [over, hasDocs, hasState] of cases) {
      const cloud = makeCloud()
      const run = good(1, at(0), over)
      putManifest(cloud, run)
      putDocs(cloud, run)
      await publishDocs(cloud.deps, run)
      await publishState(cloud.deps, run)
      const published = [docs(cloud) !== undefined, cloud.json(KEY.statePointer('shop', 'prod')) !== undefined]
      assert.deepEqual(published, [hasDocs, hasState], JSON.stringify(over))
    }
    const other = makeCloud(configOf([jobOf({ publishes: [] })]))
    const run = { ...good(1, at(0)), config: other.config }
    putDocs(other, run)
    await publishDocs(other.deps, run)
    assert.equal(docs(other), undefined)
    assert.ok(other.json(KEY.docsRunPointer('shop', 'prod', run.id)), 'its own address leads to them all the same')
  },
)

test('docs of a run that goes on: its pointers move to the newest attempt that is complete, and not back', options, async () => {
  const cloud = makeCloud()
  const attempts = (count: number) => Array.from({ length: count }, (_, i) => attemptOf(i + 1, { startedAt: at(0) }))
  const end = (count: number, over: Partial<RunRecord> = {}) => good(1, at(0), { attempts: attempts(count), ...over })
  const named = () =>
    [KEY.docsPointer('shop', 'prod'), KEY.docsRunPointer('shop', 'prod', runId(1))].map(
      key => (cloud.json(key) as Pointer | undefined)?.attempt,
    )
  putDocs(cloud, end(1))
  await publishDocs(cloud.deps, end(1))
  assert.deepEqual(named(), [1, 1])
  await publishDocs(cloud.deps, end(2, { docsUploaded: false }))
  await publishDocs(cloud.deps, end(2))
  assert.deepEqual(named(), [1, 1], 'the second has left nothing, whatever it says')
  putDocs(cloud, end(3), 3)
  cloud.crashAfter(1)
  await assert.rejects(publishDocs(cloud.deps, end(3)), /dead/)
  cloud.crashAfter(undefined)
  await publishDocs(cloud.deps, end(3))
  await publishDocs(cloud.deps, end(1))
  assert.deepEqual(named(), [3, 3])
})

test('docs that a task of the version before has stored are published where they are', options, async () => {
  const cloud = makeCloud()
  const run = good(1, at(0))
  await publishDocs(cloud.deps, run)
  assert.equal(docs(cloud), undefined)
  for (const name of ['index.html', 'manifest.json']) cloud.put(KEY.docsRun('shop', 'prod', run.id) + name, {})
  await publishDocs(cloud.deps, run)
  const { attempt, files } = cloud.json(KEY.docsPointer('shop', 'prod')) as Pointer
  assert.deepEqual([docs(cloud), attempt, files], [run.id, undefined, ['index.html', 'manifest.json']])
  assert.equal(cloud.json(KEY.docsRunPointer('shop', 'prod', run.id)), undefined)
})

test('a job whose steps select is partial', () => {
  const partial = (...args: string[]) => isPartial(jobOf({ steps: [{ name: 'build', args }] }), runOf(1))
  for (const flag of ['--select', '-s', '--exclude=x', '--selector', '--models', '-m', '--resource-type'])
    assert.equal(partial('build', flag, 'a'), true, flag)
  assert.equal(partial('build', '--full-refresh', '--threads', '8'), false)
})

test('each job that runs after this one is claimed once, by status', options, async () => {
  const after = (name: string, status: ('success' | 'error')[]) =>
    jobOf({ name, schedules: [], after: { job: 'shop/nightly', status } })
  const cloud = makeCloud(
    configOf([jobOf(), after('export', ['success']), after('cleanup', ['error']), after('both', ['success', 'error'])]),
  )
  const run = { ...good(1, at(0)), config: cloud.config, effects: ['downstream' as const] }
  for (let i = 0; i < 3; i++) await runEffects(cloud.deps, run)
  const runs = await cloud.store.runs((await cloud.store.open('WAIT#')).map(entry => entry.pk.slice(4)))
  assert.deepEqual(runs.map(each => each.job).sort(), ['both', 'export'])
  assert.deepEqual(runs[0]?.cause, { kind: 'upstream', run: run.id, job: 'shop/nightly', status: 'success' })
})

test('fault 42: 50 failures in a row, then good again: one "recovered", with how many they were', options, async () => {
  const cloud = makeCloud()
  const end = async (number: number, over: Partial<RunRecord>) => {
    const run = good(number, at(0), {
      cause: requested(`${number}`),
      causeString: `request ${number}`,
      effects: ['messages'],
      ...over,
    })
    cloud.store.plant(run)
    await runEffects(cloud.deps, run)
    await runEffects(cloud.deps, run)
  }
  for (let number = 1; number <= 50; number++)
    await end(number, { status: 'error', reason: 'node_failures', endedAt: at(number) })
  await end(51, { status: 'cancelled', reason: 'user_cancelled' })
  await end(52, {})
  await end(53, {})
  const kinds = cloud.message().map(message => message.kind)
  assert.deepEqual(
    [kinds.filter(kind => kind === 'error').length, kinds.filter(kind => kind === 'recovered').length, kinds.length],
    [50, 1, 51],
  )
  const recovered = cloud.message().at(-1)
  assert.deepEqual([recovered?.runId, recovered?.streak?.failures, recovered?.streak?.since], [runId(52), 50, at(1)])
  assert.equal(recovered?.replyTo, `MSG#${runId(1)}/error/slack/#data`, 'it answers the first failure')
})

test('who asks for both is told "good again" in place of plain success', () => {
  const rule = (on: ('success' | 'recovered')[]) => jobOf({ notify: [{ channel: 'slack', target: '', on }] })
  const kinds = (job: ReturnType<typeof rule>, failures: number) =>
    recipients({
      job,
      run: good(1, at(0)),
      kind: 'success',
      streak: { failures, since: at(0) },
      incidents: [],
      now: new Date(at(0)),
    }).map(each => each.kind)
  assert.deepEqual(kinds(rule(['success', 'recovered']), 2), ['recovered'])
  assert.deepEqual(kinds(rule(['success']), 2), ['success'])
  assert.deepEqual(kinds(rule(['recovered']), 0), [])
})

test('a channel that the installation does not have gets nothing', options, async () => {
  const config = configOf()
  const cloud = makeCloud({ ...config, channels: { email: null, slack: null } })
  const run = good(1, at(0), { status: 'error', reason: 'lost', config: cloud.config, effects: ['messages'] })
  cloud.store.plant(run)
  await runEffects(cloud.deps, run)
  assert.deepEqual(cloud.message(), [])
  assert.equal((await cloud.run(run.id)).effects, undefined)
})
