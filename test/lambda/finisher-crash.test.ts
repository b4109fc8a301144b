import assert from 'node:assert/strict'
import { test } from 'node:test'
import { finish } from '../../lambda/finisher/finish.ts'
import { sweep } from '../../lambda/sweeper/sweep.ts'
import type { JobConfig } from '../../shared/config-model.ts'
import type { RunnerResult } from '../../shared/plan.ts'
import type { FakeCloud } from '../fakes/cloud.ts'
import { type FakeTask, stopOf, taskEvent } from '../fakes/ecs.ts'
import { ID, messages, outcomeOf, report, result, started, startNext } from './finisher-fixture.ts'

const options = { timeout: 20_000 }
const follower = {
  name: 'after',
  after: { job: 'shop/nightly', status: ['error', 'success'] },
  schedules: [],
} satisfies Partial<JobConfig>

interface Ending {
  name: string
  job: Partial<JobConfig>
  result: Partial<RunnerResult> | undefined
  stop: Partial<FakeTask>
  /** What is there when all is done. */
  expected: { outcome: string; messages: string[]; followers: number }
}
const ENDINGS: Ending[] = [
  {
    name: 'a good end',
    job: { notify: [{ channel: 'slack', target: '#data', on: ['success'] }] },
    result: {},
    stop: stopOf(0),
    expected: { outcome: 'success', messages: ['success slack #data'], followers: 1 },
  },
  {
    name: 'a failure that deactivates the job',
    job: { deactivateAfter: 1 },
    result: { outcome: 'error', reason: 'node_failures', message: '1 of 9 models failed' },
    stop: stopOf(1),
    expected: { outcome: 'error/node_failures', messages: ['error slack #data'], followers: 1 },
  },
  {
    name: 'an end that gets another attempt',
    job: { retry: { attempts: 2, on: ['infrastructure'] } },
    result: undefined,
    stop: stopOf(undefined, { stopCode: 'InfrastructureHealth' }),
    expected: { outcome: 'queued', messages: [], followers: 0 },
  },
]

const keysOf = (cloud: FakeCloud) => [...cloud.objects.keys()].filter(key => !key.startsWith('config/')).sort()

for (const { name, job, result: over, stop, expected } of ENDINGS)
  test(
    `fault 35: ${name}: the finisher dies after each of its writes and no event comes again: the sweeper completes it, nothing twice`,
    options,
    async () => {
      const begin = async () => {
        const { cloud, task } = await started(job, [follower])
        if (over) report(cloud, result(over))
        Object.assign(task, stop)
        return { cloud, task }
      }
      const untouched = await begin()
      await finish(untouched.cloud.deps, taskEvent(untouched.task, stop))
      let crashes = 0
      for (let writes = 0; ; writes++) {
        const { cloud, task } = await begin()
        cloud.crashAfter(writes)
        const threw = await finish(cloud.deps, taskEvent(task, stop)).then(
          () => false,
          () => true,
        )
        const died = threw || cloud.lines.some(line => line.includes('dead before write'))
        cloud.crashAfter(undefined)
        // As long after the task's end as an event may take, and as a finisher may need.
        cloud.advance(1200)
        await sweep(cloud.deps)
        cloud.advance(300)
        await sweep(cloud.deps)
        const at = `after write ${writes}`
        const run = await cloud.run(ID)
        assert.deepEqual([outcomeOf(run), run.effects], [expected.outcome, undefined], at)
        assert.deepEqual(messages(cloud), expected.messages, at)
        const line = (await cloud.store.open('WAIT#')).filter(entry => entry.sort.endsWith('/after'))
        assert.equal(line.length, expected.followers, at)
        assert.deepEqual(keysOf(cloud), keysOf(untouched.cloud), `objects ${at}`)
        assert.equal((await cloud.store.job('shop/nightly')).paused !== undefined, job.deactivateAfter !== undefined, at)
        if (expected.outcome === 'queued') {
          assert.equal(run.attempts.length, 1, at)
          await startNext(cloud)
          assert.equal(cloud.ecs.tasks.size, 2, `one task an attempt ${at}`)
        }
        if (!died) break
        crashes++
      }
      assert.ok(crashes >= (expected.outcome === 'queued' ? 2 : 12), `${crashes} crashes were injected`)
    },
  )
