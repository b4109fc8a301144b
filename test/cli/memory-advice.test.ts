/** What `show` and `status` say of memory, and `show` of the state that the steps went by. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { showCommand } from '../../cli/show.ts'
import { statusCommand } from '../../cli/status.ts'
import type { Config } from '../../shared/config-model.ts'
import { PK } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'
import { hashText } from '../fakes/hash.ts'
import { environment, config as fullConfig, job } from '../lib/fixture.ts'
import { fakeConnection, fakeContext, input, makeAttempt, makeRun, NOW } from './fakes.ts'

const ID = '20261122T010004-9f3ac2d1b7e4'
const PROD = environment('prod', { size: { cpu: 1024, memory: 4096, disk: 20, architecture: 'arm64', spot: false } })

test('show says how much of its memory a run needed, and what would do by the newest runs', async () => {
  const config = fullConfig({ environments: { 'ferry/prod': PROD }, jobs: { 'ferry/nightly': job('nightly') } })
  const attempt = (day: number) => ({
    ...makeAttempt(1),
    taskArn: 'arn:aws:ecs:eu-central-1:123456789012:task/tm/1',
    memory: 4096,
    dispatchedAt: `2026-11-${day}T01:00:00Z`,
    stoppedAt: `2026-11-${day}T02:00:00Z`,
  })
  const runs = [22, 21, 20, 19, 18].map(day =>
    makeRun(`202611${day}T010004-9f3ac2d1b7e4`, {
      project: 'ferry',
      claimedAt: `2026-11-${day}T01:00:00Z`,
      peakMemoryBytes: 700 * 1024 ** 2,
      attempts: [attempt(day)],
    }),
  )
  const show = async (config_: Config, some = runs) => {
    const outcome = await showCommand.run(fakeContext(fakeConnection({ runs: some, config: config_ })), input({ run: ID }))
    return outcome.lines.filter(line => /^(Peak|Advice)/.test(line))
  }
  const advice =
    'Advice       2 GB of memory would do: 700 MB at most in 5 good runs, about 0.21 USD a month less. Set environments.prod.size.memory'
  assert.deepEqual(await show(config), ['Peak memory  700 MB of 4 GB', advice])
  const shared = fullConfig({
    environments: { 'ferry/prod': PROD },
    jobs: { 'ferry/nightly': job('nightly'), 'ferry/hourly': job('hourly') },
  })
  assert.equal((await show(shared))[1], `${advice} if its other jobs need no more (tidemill status looks at all)`)
  assert.deepEqual(await show(config, runs.slice(0, 4)), ['Peak memory  700 MB of 4 GB'])
})

test('show says which state the steps compared with', async () => {
  const step = { kind: 'dbt', command: 'dbt build -s state:modified+', status: 'success' } as const
  const [first, second] = ['20261120T010004-9f3ac2d1b7e4', '20261121T010004-9f3ac2d1b7e4']
  const show = async (...compared: (string | undefined)[]) => {
    const steps = compared.map((run, index) => ({ ...step, index, name: `build-${index}`, ...(run && { comparedWith: run }) }))
    const outcome = await showCommand.run(fakeContext(fakeConnection({ runs: [makeRun(ID, { steps })] })), input({ run: ID }))
    return outcome.lines.find(line => line.startsWith('State '))
  }
  assert.equal(await show(undefined), undefined)
  assert.equal(await show(undefined, first, first), `State        compared with run ${first}`)
  assert.equal(await show(first, second), `State        compared with run ${first} (build-0) and ${second} (build-1)`)
})

test('status: an environment whose jobs all need less memory than it has is named, and is no problem', async () => {
  const jobs = { 'ferry/nightly': job('nightly', { schedules: [] }), 'ferry/hourly': job('hourly', { schedules: [] }) }
  const config = fullConfig({ environments: { 'ferry/prod': PROD }, jobs })
  const swept = { pk: PK.sweep, checkedUntil: NOW.toISOString() }
  const runsOf = (name: string, peak: number) =>
    [22, 21, 20, 19, 18].map(day => {
      const fields = { project: 'ferry', job: name, peakMemoryBytes: peak * 1024 ** 2, attempts: [makeAttempt(1)] }
      return makeRun(`202611${day}T010004-${hashText(name).slice(0, 12)}`, fields)
    })
  const lines = async (runs: RunRecord[]) => {
    const outcome = await statusCommand.run(fakeContext(fakeConnection({ runs, items: [swept], config })), input())
    assert.equal(outcome.exitCode, 0)
    return outcome.lines.filter(line => line.startsWith('·'))
  }
  assert.deepEqual(await lines(runsOf('nightly', 700)), ['· ferry/prod: 2 GB of memory would do: 700 MB at most in 5 good runs'])
  const both = await lines([...runsOf('nightly', 700), ...runsOf('hourly', 1500)])
  assert.deepEqual(both, ['· ferry/prod: 3 GB of memory would do: 1.5 GB at most in 10 good runs'])
  assert.deepEqual(await lines([...runsOf('nightly', 700), ...runsOf('hourly', 3000)]), [])
  assert.deepEqual(await lines([...runsOf('nightly', 700), ...runsOf('hourly', 700).slice(2)]), [])
})
