import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cause } from '../../shared/cause.ts'
import { buildPlan } from '../../shared/plan-build.ts'
import type { RunRecord } from '../../shared/run.ts'
import { runEnvironment, runVars } from '../../shared/run-facts.ts'
import { at, configOf, environmentOf, jobOf, runId, runOf } from '../fakes/records.ts'

const event: Cause = {
  kind: 'event',
  trigger: 's3',
  eventId: 'e-1',
  source: 'aws.s3',
  detailType: 'Object Created',
  time: '2026-11-22T01:59:58Z',
  detail: '{"object":{"key":"a b.csv","size":12},"flag":false,"list":[1]}',
  detailBytes: 62,
  object: { bucket: 'raw', key: 'a b.csv', sequencer: '01' },
}
const input = (over: Partial<RunRecord> = {}, job: Parameters<typeof jobOf>[0] = {}) => ({
  run: runOf(1, over),
  job: jobOf(job),
  branch: 'main',
})
const berlin = [{ name: 'default', cron: '0 0 * * *', expressions: [], timezone: 'Europe/Berlin', enabled: true }]

test('a run by a schedule knows its time, and the date where the schedule lives', () => {
  const cause: Cause = { kind: 'schedule', schedule: 'default', scheduledFor: '2026-11-21T23:00:00.000Z' }
  assert.deepEqual(runEnvironment(input({ cause }, { schedules: berlin }), 2), {
    TIDEMILL_RUN_ID: runId(1),
    TIDEMILL_PROJECT: 'shop',
    TIDEMILL_ENVIRONMENT: 'prod',
    TIDEMILL_JOB: 'nightly',
    TIDEMILL_CAUSE: 'schedule',
    TIDEMILL_SCHEDULED_FOR: '2026-11-21T23:00:00.000Z',
    TIDEMILL_DATE: '2026-11-22',
    TIDEMILL_BRANCH: 'main',
    TIDEMILL_ATTEMPT: '2',
  })
})

test('a slice of a backfill has the date of the clock it was cut by, also where the job has no schedule', () => {
  const slice = { backfill: 'b', start: '2026-03-28T23:00:00.000Z', end: '2026-03-29T22:00:00.000Z', number: 1 }
  const dateOf = (timezone: string | undefined, schedules: typeof berlin) => {
    const cause: Cause = {
      ...{ kind: 'request', actor: 'ana', idempotencyKey: 'k' },
      slice: { ...slice, ...(timezone && { timezone }) },
    }
    return runEnvironment(input({ cause }, { schedules }), 1).TIDEMILL_DATE
  }
  assert.equal(dateOf('Europe/Berlin', []), '2026-03-29')
  assert.equal(dateOf('UTC', berlin), '2026-03-28')
  assert.equal(dateOf(undefined, berlin), '2026-03-29', 'a record of before')
  assert.equal(dateOf(undefined, []), '2026-03-28')
})

test('a run by an event knows the event, as data', () => {
  const env = runEnvironment(input({ cause: event }), 1)
  assert.deepEqual(
    [env.TIDEMILL_EVENT_ID, env.TIDEMILL_EVENT_BUCKET, env.TIDEMILL_EVENT_KEY, env.TIDEMILL_SCHEDULED_FOR],
    ['e-1', 'raw', 'a b.csv', at(0)],
  )
  assert.deepEqual(JSON.parse(env.TIDEMILL_EVENT ?? ''), {
    id: 'e-1',
    source: 'aws.s3',
    type: 'Object Created',
    time: '2026-11-22T01:59:58Z',
    detail: { object: { key: 'a b.csv', size: 12 }, flag: false, list: [1] },
  })
  const { detail: _, ...large } = event
  assert.equal(JSON.parse(runEnvironment(input({ cause: large }), 1).TIDEMILL_EVENT ?? '').detail, null)
})

test('a commit and the runs before are known by those that have them', () => {
  const commit: Cause = { kind: 'commit', repository: 'r', sha: 'a'.repeat(40), eventId: '1', branch: 'main' }
  assert.equal(runEnvironment(input({ cause: commit }), 1).TIDEMILL_COMMIT, 'a'.repeat(40))
  const others = [{ run: 'r1', job: 'shop/b', status: 'success' as const }]
  const upstream: Cause = { kind: 'upstream', run: 'r2', job: 'shop/a', status: 'warn', others }
  assert.equal(runEnvironment(input({ cause: upstream }), 1).TIDEMILL_UPSTREAM_RUNS, 'r1,r2')
})

test('variables are filled; one that has no value in this run is left to the project', () => {
  const vars = {
    day: '{{ date }}', file: 's3://{{ event_bucket }}/{{event_key}}', size: '{{ detail.object.size }}', flag: '{{ detail.flag }}',
    none: '{{ detail.object }}{{ detail.nothing }}', fixed: 7,
  } // biome-ignore format: one line each is long
  assert.deepEqual(runVars(input({ cause: event }, { vars })), {
    day: '2026-11-22',
    file: 's3://raw/a b.csv',
    size: '12',
    flag: 'false',
    fixed: 7,
  })
  assert.deepEqual(runVars(input({}, { vars })), { day: '2026-11-22', fixed: 7 })
})

test('what an event holds is no template, no command and no null byte', () => {
  const key = '{{ run_id }}$(touch x)`;\n\0--vars'
  const hostile: Cause = {
    ...event,
    object: { bucket: 'raw', key: key + 'x'.repeat(5000) },
    detail: JSON.stringify({ ['__proto__']: key }),
  }
  const env = runEnvironment(input({ cause: hostile }), 1)
  assert.equal(env.TIDEMILL_EVENT_KEY?.length, 1024)
  assert.ok(Object.values(env).every(value => !value.includes('\0')))
  const job = jobOf({ vars: { key: '{{ event_key }}', other: '{{ detail.constructor }}' } })
  const plan = buildPlan({ ...settings(), job }, runOf(1, { cause: { ...hostile, object: { bucket: 'raw', key } } }), 1, 2048)
  const build = plan.steps.find(step => step.name === 'build')
  assert.deepEqual(build?.args, ['build', '--vars', JSON.stringify({ key: key.replace('\0', '\uFFFD') })])
})

const settings = () => {
  const project = configOf().projects.shop
  assert.ok(project)
  return { project, environment: environmentOf(), job: jobOf() }
}

test('the plan has it all: variables in every step that parses, those of step and request winning, and the commit', () => {
  const job = jobOf({
    freshness: 'warn',
    vars: { a: 1, b: 1, c: 1 },
    steps: [{ name: 'build', args: ['build', '--vars', '{b: 2, c: 2}'] }],
  })
  const cause: Cause = { kind: 'commit', repository: 'r', sha: 'b'.repeat(40), eventId: '1', branch: 'main' }
  const plan = buildPlan({ ...settings(), job }, runOf(1, { cause, overrides: { vars: { c: 3 } } }), 1, 2048)
  const varsOf = (name: string) => plan.steps.find(step => step.name === name)?.args.at(-1)
  assert.deepEqual(
    [varsOf('freshness'), varsOf('build'), varsOf('docs'), varsOf('deps')],
    ['{"a":1,"b":1,"c":3}', '{"a":1,"b":2,"c":3}', '{"a":1,"b":1,"c":3}', 'deps'],
  )
  assert.equal(plan.repository.commit, 'b'.repeat(40))
  assert.deepEqual([plan.variables.DBT_SCHEMA, plan.variables.TIDEMILL_CAUSE], ['main', 'commit'])
  const own = buildPlan({ ...settings(), job }, runOf(1, { cause, overrides: { commit: 'c'.repeat(40) } }), 1, 2048)
  assert.equal(own.repository.commit, 'c'.repeat(40))
})
