import assert from 'node:assert/strict'
import { test } from 'node:test'
import { launch } from '../../lambda/common/launch.ts'
import type { Config } from '../../shared/config-model.ts'
import { fullName, KEY, PK } from '../../shared/contract.ts'
import { HISTORY_KEY } from '../../shared/history-index.ts'
import { keptDays } from '../../shared/retention.ts'
import type { RunRecord } from '../../shared/run.ts'
import { makeCloud } from '../fakes/cloud.ts'
import { configOf, environmentOf, hashOf, jobOf, NOW } from '../fakes/records.ts'
import { endedRun, makeCompactor, readTable } from './compactor-fixture.ts'

const options = { timeout: 20_000 }
const DAY = 24 * 60

/** Runs of `prod` are kept 90 days, those of `ci` 10. */
function config() {
  const made = configOf([jobOf(), jobOf({ name: 'check', environment: 'ci' })])
  made.environments['shop/ci'] = environmentOf({ name: 'ci', keepDays: 10 })
  return made
}
const ofProd = (run: RunRecord): RunRecord => ({ ...run, config: hashOf(config()) })
const ofCi = (run: RunRecord): RunRecord => ({ ...ofProd(run), environment: 'ci', job: 'check' })

test('runs leave index and history as their environment says, also out of files with runs of others', options, async () => {
  const made = makeCompactor(makeCloud(config()))
  const prod = [-12, -3].map(day => ofProd(endedRun(-day, day * DAY)))
  const ci = [-12, -3].map(day => ofCi(endedRun(100 - day, day * DAY + 5)))
  for (const run of [...prod, ...ci]) await made.poke(await made.finish(run))
  await made.daily()
  const left = [...prod, ci[1] as RunRecord].map(run => run.id).sort()
  assert.deepEqual((await readTable(made.cloud, 'runs')).map(row => row.run_id).sort(), left)
  assert.deepEqual(
    made
      .index()
      .newest.map(row => row.id)
      .sort(),
    left,
  )
  assert.deepEqual(
    made.index().jobs.map(job => [job.job, job.runs]),
    [
      ['shop/check', 1],
      ['shop/nightly', 2],
    ],
  )
  made.cloud.advance(8 * 86_400)
  await made.daily()
  assert.deepEqual((await readTable(made.cloud, 'runs')).map(row => row.run_id).sort(), prod.map(run => run.id).sort())
  assert.deepEqual(
    made.index().jobs.map(job => job.job),
    ['shop/nightly'],
  )
  assert.deepEqual(
    made.index().days.map(day => [day.runs, day.packed]),
    [
      [1, 1],
      [1, 1],
    ],
  )
})

test('a day or a month of which all runs are too old is gone, its files after it', options, async () => {
  const made = makeCompactor(makeCloud(config()))
  const runs = [-80, -79, -45, -3].map(day => ofProd(endedRun(-day, day * DAY)))
  for (const run of runs) await made.poke(await made.finish(run))
  await made.daily()
  assert.deepEqual(
    made.index().months.map(month => month.month),
    ['2026-10', '2026-09'],
  )
  for (const days of [13, 1, 1]) {
    made.cloud.advance(days * 86_400)
    await made.daily()
  }
  assert.deepEqual(
    made.index().months.map(month => month.month),
    ['2026-11', '2026-10'],
  )
  made.cloud.advance(86_400)
  await made.daily()
  assert.deepEqual((await readTable(made.cloud, 'runs')).length, 2)
  assert.deepEqual(
    [...made.cloud.objects.keys()].filter(key => /history\/v1\/(?!index).*2026-09/.test(key)),
    [],
  )
})

const pointerTo = (run: string) => ({ run, attempt: 1, resolvedAt: NOW })

test('docs and state of old runs go, but for those in force', options, async () => {
  const made = makeCompactor(makeCloud(config()))
  const [old, inForce, young] = [-30, -29, -3].map(day => endedRun(-day, day * DAY).id) as [string, string, string]
  for (const run of [old, inForce, young]) {
    made.cloud.put(`${KEY.docs('shop', 'ci', run, 1)}index.html`, {})
    made.cloud.put(`${KEY.docsRun('shop', 'ci', run)}manifest.json`, {})
    made.cloud.put(KEY.docsRunPointer('shop', 'ci', run), pointerTo(run))
    made.cloud.put(`${KEY.stateRun('shop', 'ci', run)}manifest.json`, {})
    made.cloud.put(`${KEY.docs('shop', 'prod', run, 1)}index.html`, {})
  }
  made.cloud.put(KEY.docsPointer('shop', 'ci'), pointerTo(inForce))
  made.cloud.put(KEY.statePointer('shop', 'ci'), pointerTo(inForce))
  await made.daily()
  const runsBelow = (prefix: string) =>
    [...made.cloud.objects.keys()]
      .filter(key => key.startsWith(prefix) && key !== `${prefix}current.json`)
      .map(key => key.split('/')[3])
  // All of a run: what each attempt made, its pointer, and what the version before has stored.
  assert.deepEqual(runsBelow('docs/shop/ci/'), [inForce, inForce, inForce, young, young, young])
  assert.deepEqual(runsBelow('state/shop/ci/'), [inForce, young])
  assert.deepEqual(runsBelow('docs/shop/prod/'), [old, inForce, young])
})

test('of an environment that is gone everything goes once the longest retention has passed since then', options, async () => {
  const young = endedRun(1, -2 * DAY).id
  const made = makeCompactor(makeCloud(config()))
  const left = () =>
    ['docs', 'state', 'cache'].filter(top => [...made.cloud.objects.keys()].some(key => key.startsWith(`${top}/shop/ci/`)))
  made.cloud.put(`${KEY.docs('shop', 'ci', young, 1)}index.html`, {})
  made.cloud.put(KEY.docsPointer('shop', 'ci'), pointerTo(young))
  made.cloud.put(`${KEY.stateRun('shop', 'ci', young)}manifest.json`, {})
  made.cloud.put(KEY.statePointer('shop', 'ci'), pointerTo(young))
  made.cloud.put(`${KEY.cache('shop', 'ci')}git/commits.bundle`, {})
  made.cloud.put(`${KEY.docs('shop', 'prod', young, 1)}index.html`, {})
  made.cloud.put(KEY.docsPointer('shop', 'prod'), pointerTo(young))
  await made.daily()
  const { 'shop/prod': prod, 'shop/ci': ci } = config().environments
  assert.ok(prod && ci)
  const load = (environments: Config['environments']) => {
    made.deps.configs = { ...made.deps.configs, load: async () => ({ ...config(), environments }) }
  }
  load({ 'shop/prod': prod })
  for (const days of [60, 32]) {
    made.cloud.advance(days * 86_400)
    await made.daily()
    assert.deepEqual(left(), ['docs', 'state', 'cache'])
  }
  // One that comes back is in use again.
  load({ 'shop/prod': prod, 'shop/ci': ci })
  await made.daily()
  load({ 'shop/prod': prod })
  made.cloud.advance(92 * 86_400)
  await made.daily()
  assert.deepEqual(left(), ['docs', 'state', 'cache'])
  made.cloud.advance(86_400)
  await made.daily()
  assert.deepEqual(left(), [])
  assert.ok(made.cloud.objects.has(`${KEY.docs('shop', 'prod', young, 1)}index.html`))
  await made.daily()
  assert.deepEqual(Object.keys((made.cloud.json(HISTORY_KEY.environments) as { environments: object }).environments), [
    'shop/prod',
  ])
})

test('a run and its cause end in the table some days later, the cause not before a month', options, async () => {
  const set = config()
  for (const job of Object.values(set.jobs)) job.keepDays = keptDays(set, fullName(job.project, job.environment))
  const cloud = makeCloud(set)
  const days = (seconds: unknown) => (Number(seconds) - Date.parse(NOW) / 1000) / 86_400
  for (const [job, ofRun, ofCause] of [
    ['shop/nightly', 93, 93],
    ['shop/check', 14, 30],
  ] as const) {
    const { run } = await launch(cloud.deps, { kind: 'schedule', job, schedule: 'default', scheduledFor: NOW })
    const item = cloud.store.table.items.get(PK.run(run))
    const cause = [...cloud.store.table.items.values()].find(each => String(each.pk).startsWith('CAUSE#') && each.run === run)
    assert.deepEqual([days(item?.expiresAt), days(cause?.expiresAt)], [ofRun, ofCause])
  }
})
