import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildPlan, overrideSteps } from '../../shared/plan-build.ts'
import type { RunOverrides } from '../../shared/run.ts'
import { secondsLeft, settingsOf } from '../../shared/run-settings.ts'
import { at, attemptOf, configOf, jobOf, runOf } from '../fakes/records.ts'

const planOf = (over: Parameters<typeof jobOf>[0] = {}, overrides?: RunOverrides, attempt = 1) => {
  const settings = settingsOf(configOf([jobOf(over)]), runOf(1))
  assert.ok(settings)
  return buildPlan(settings, runOf(1, overrides ? { overrides } : {}), attempt, 4096)
}

test('the same attempt always gives the same plan', () => {
  assert.deepEqual(planOf(), planOf())
  assert.equal(planOf().prefixes.attempt, `runs/shop/prod/nightly/${runOf(1).id}/1/`)
  assert.notDeepEqual(planOf(), planOf({}, undefined, 2))
})

test('steps come in their order, numbered; what the job leaves out is left out', () => {
  const names = (over: Parameters<typeof jobOf>[0]) =>
    planOf(over).steps.map(step => `${step.index} ${step.name}${step.required ? '' : '?'}`)
  assert.deepEqual(names({ freshness: 'warn' }), ['0 checkout', '1 deps', '2 freshness?', '3 build', '4 docs?'])
  assert.deepEqual(names({ docsRequired: true }).at(-1), '3 docs')
  assert.deepEqual(names({ freshness: 'fail', deps: false, docs: false }), ['0 checkout', '1 freshness', '2 build'])
})

test('a request changes branch, commit, steps and flags, and nothing else', () => {
  const plan = planOf(
    {},
    { branch: 'fix/x', commit: '4f2c1ab', steps: ['dbt seed', 'dbt test', 'dbt test -s a'], fullRefresh: true, vars: { day: 1 } },
  )
  assert.deepEqual([plan.repository.branch, plan.repository.commit, plan.dbt.target], ['fix/x', '4f2c1ab', 'prod'])
  assert.deepEqual(
    plan.steps.filter(step => step.kind === 'dbt').map(step => [step.name, ...step.args]),
    [
      ['seed', 'seed', '--full-refresh', '--vars', '{"day":1}'],
      ['test', 'test', '--vars', '{"day":1}'],
      ['test-2', 'test', '-s', 'a', '--vars', '{"day":1}'],
    ],
  )
  assert.throws(() => overrideSteps([], { steps: ['dbt build', 'dbt docs serve'] }), /step 2, "dbt docs serve"/)
})

test('the time limit is the run’s: earlier attempts have used some of it, a minute is always left', () => {
  const attempts = [attemptOf(1, { startedAt: at(0), stoppedAt: at(3600) }), attemptOf(2, { stoppedAt: at(3700) })]
  assert.equal(secondsLeft(jobOf(), runOf(1, { attempts }), 1), 7200)
  assert.equal(secondsLeft(jobOf(), runOf(1, { attempts }), 3), 3600)
  assert.equal(secondsLeft(jobOf({ timeoutSeconds: 60 }), runOf(1, { attempts }), 3), 60)
  // Clocks differ: a stop before the start is no gain.
  const odd = [attemptOf(1, { startedAt: at(100), stoppedAt: at(0) })]
  assert.equal(secondsLeft(jobOf(), runOf(1, { attempts: odd }), 2), 7200)
})

test('a job that the configuration does not have has no settings', () => {
  assert.equal(settingsOf(configOf(), runOf(1, { job: 'gone' })), undefined)
  assert.equal(settingsOf(configOf(), runOf(1, { environment: 'gone' })), undefined)
})
