/** What is kept of a run, where and how long: the compactor over real table and bucket, the rules of the bucket and the times of the table by the clock. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { Data } from '../../lib/constructs/data.ts'
import type { Config } from '../../shared/config-model.ts'
import { dayOfRun, KEY } from '../../shared/contract.ts'
import { HISTORY_KEY } from '../../shared/history-index.ts'
import { forgottenAt } from '../../shared/retention.ts'
import type { RunRecord } from '../../shared/run.ts'
import { configOf, environmentOf, jobOf, NOW } from '../fakes/records.ts'
import { startTestCloud, type TestCloud } from '../local/fixture.ts'
import { type Installed, install, placeOf } from './compactor-emulator.ts'
import { endedRun } from './compactor-fixture.ts'

let cloud: TestCloud
let made: Installed

/** Runs of `prod` are kept 30 days, those of `ci` 10. */
function config(): Config {
  const all = configOf([jobOf(), jobOf({ name: 'check', environment: 'ci' })])
  all.retention.runs = 30
  all.environments['shop/ci'] = environmentOf({ name: 'ci', keepDays: 10 })
  return all
}

before(
  async () => {
    cloud = await startTestCloud()
    made = await install(placeOf(cloud), 'keeping', config())
  },
  { timeout: 60_000 },
)
after(async () => {
  made?.close()
  await cloud?.close()
})

const DAY_MS = 86_400_000
/** After that of the claim, on which is looked. */
const DAYS = [3, 9, 10, 11, 12, 13, 14, 15, 29, 30, 31, 32, 33, 34, 35]

interface Rule {
  Prefix?: string
  ExpirationInDays?: number
}
/** As S3 does: of several rules the shortest, at the midnight after. The objects are as old as their run. */
function expiredBy(rules: Rule[], keys: string[], now: number): string[] {
  return keys.filter(key => {
    const days = rules.flatMap(({ Prefix, ExpirationInDays }) =>
      Prefix !== undefined && ExpirationInDays !== undefined && key.startsWith(Prefix) ? [ExpirationInDays] : [],
    )
    const run = key.split('/').find(part => /^\d{8}T\d{6}-/.test(part)) ?? ''
    return days.length > 0 && Date.parse(dayOfRun(run)) + (Math.min(...days) + 1) * DAY_MS <= now
  })
}

test('a run leaves index and history after its days, its objects three days later, the table after 14 days at the earliest', {
  timeout: 180_000,
}, async () => {
  const data = new Data(new Stack(new App(), 'stack'), 'Data', { retention: config() })
  const [bucket] = Object.values(Template.fromStack(Stack.of(data)).findResources('AWS::S3::Bucket'))
  const rules: Rule[] = bucket?.Properties.LifecycleConfiguration.Rules
  const kept = (run: RunRecord, days: number): RunRecord => ({ ...run, expiresAt: forgottenAt(run.claimedAt, days) })
  const prod = kept(endedRun(1, -3 * 24 * 60), 30)
  const ci = kept({ ...endedRun(2, -3 * 24 * 60 + 5), environment: 'ci', job: 'check' }, 10)
  for (const run of [prod, ci]) await made.finish(run)
  await made.poke({ runs: [prod.id, ci.id] })

  /** Days after that of the claim on which something was there for the last time. */
  const last: Record<string, number> = {}
  for (const age of DAYS) {
    const now = Date.parse(NOW) + (age - 3) * DAY_MS
    made.setTime(now)
    await made.bucket.remove(expiredBy(rules, await made.bucket.list('runs/', 1000), now))
    await made.forget(now)
    await made.poke({ daily: true })
    const inIndex = new Set((await made.shown()).map(row => row.id))
    const inSql = new Set((await made.ask('select run_id from runs')).map(([id]) => id))
    const inTable = new Set((await made.makeDeps().store.runs([prod.id, ci.id])).map(run => run.id))
    const objects = await made.bucket.list('runs/', 1000)
    for (const [name, run] of Object.entries({ prod, ci })) {
      const files = objects.filter(key => key.startsWith(KEY.run(run)))
      // What is shown can be opened.
      if (inIndex.has(run.id)) assert.ok(files.includes(KEY.record(run)) && inTable.has(run.id), `${name} on day ${age}`)
      for (const [what, isThere] of [
        ['index', inIndex.has(run.id)],
        ['sql', inSql.has(run.id)],
        ['objects', files.length > 0],
        ['table', inTable.has(run.id)],
      ] as const)
        if (isThere) last[`${name} ${what}`] = age
    }
  }
  assert.deepEqual(last, {
    ...{ 'ci index': 10, 'ci sql': 10, 'ci objects': 13, 'ci table': 14 },
    ...{ 'prod index': 30, 'prod sql': 30, 'prod objects': 33, 'prod table': 32 },
  })
  const left = (await made.bucket.list(HISTORY_KEY.root, 1000)).filter(key => !/index\/[a-z]+\.json$/.test(key))
  assert.deepEqual(left, [], 'files of no run')
  assert.deepEqual((await made.index()).days, [])
})
