import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JobConfig } from '../../shared/config-model.ts'
import { scheduleGroup } from '../../shared/resource-names.ts'
import { config, job } from './fixture.ts'
import { one, type Resource, type Synthesis, synthesise } from './synth.ts'

const jobsOf = (...jobs: JobConfig[]) => Object.fromEntries(jobs.map(each => [`${each.project}/${each.name}`, each]))
const schedulesOf = ({ nested }: Synthesis) =>
  nested.flatMap(({ file, resources }) =>
    Object.entries(resources)
      .filter(([, { Type }]) => Type === 'AWS::Scheduler::Schedule')
      .map(([id, { Properties }]) => ({ file, id, ...Properties })),
  )

describe('schedules', () => {
  const synthesis = synthesise(config())
  const schedules = schedulesOf(synthesis)
  const named = (name: string) => schedules.find(({ Name }) => Name === name)

  it('one for each expression, in the group of the installation', () => {
    assert.deepEqual(schedules.map(({ Name }) => Name).sort(), [
      'tidemill.ferry.hourly.default',
      'tidemill.ferry.nightly.default',
      'tidemill.ferry.twice.default',
      'tidemill.ferry.twice.default.2',
    ])
    assert.equal(one(synthesis.main, 'AWS::Scheduler::ScheduleGroup').Properties.Name, scheduleGroup('tidemill'))
    for (const { GroupName } of schedules) assert.match(GroupName.Ref, /Group/)
  })

  it('each has expression and time zone explicit and no flexible window', () => {
    assert.deepEqual(
      [
        named('tidemill.ferry.nightly.default')?.ScheduleExpression,
        named('tidemill.ferry.nightly.default')?.ScheduleExpressionTimezone,
      ],
      ['cron(0 2 * * ? *)', 'Europe/Berlin'],
    )
    for (const { FlexibleTimeWindow, ScheduleExpressionTimezone } of schedules) {
      assert.deepEqual(FlexibleTimeWindow, { Mode: 'OFF' })
      assert.ok(ScheduleExpressionTimezone)
    }
  })

  it('each has retries, a maximum age as long as a run may come late (60 s at least), a dead letter queue and a role', () => {
    const age = (name: string) => named(name)?.Target.RetryPolicy.MaximumEventAgeInSeconds
    assert.equal(age('tidemill.ferry.nightly.default'), 1800)
    assert.equal(age('tidemill.ferry.hourly.default'), 60)
    for (const { Target } of schedules) {
      assert.equal(Target.RetryPolicy.MaximumRetryAttempts, 10)
      assert.match(Target.DeadLetterConfig.Arn.Ref, /Queue/)
      assert.match(Target.RoleArn.Ref, /SchedulerRole/)
      assert.match(Target.Arn.Ref, /launcher/)
    }
  })

  it('is at most a day old', () => {
    const [only] = schedulesOf(synthesise(config({ jobs: jobsOf(job('slow', { startWithinSeconds: 172_800 })) })))
    assert.equal(only?.Target.RetryPolicy.MaximumEventAgeInSeconds, 86_400)
  })

  it('tells the launcher job, schedule and the time that was meant', () => {
    assert.deepEqual(JSON.parse(named('tidemill.ferry.nightly.default')?.Target.Input), {
      kind: 'schedule',
      job: 'ferry/nightly',
      schedule: 'default',
      scheduledFor: '<aws.scheduler.scheduled-time>',
    })
  })

  it('that is switched off stays, disabled', () => {
    assert.equal(named('tidemill.ferry.twice.default')?.State, 'DISABLED')
    assert.equal(named('tidemill.ferry.nightly.default')?.State, 'ENABLED')
  })

  it('keeps its stack and its logical id when jobs come and go', () => {
    const others = Array.from({ length: 60 }, (_, index) => job(`other_${index}`))
    const place = (all: ReturnType<typeof schedulesOf>) => {
      const { file, id } = all.find(({ Name }) => Name === 'tidemill.ferry.nightly.default') ?? {}
      return { file, id }
    }
    const more = schedulesOf(synthesise(config({ jobs: jobsOf(...others, job('nightly')) })))
    assert.equal(new Set(more.map(({ file }) => file)).size, 8)
    assert.deepEqual(place(more), place(schedules))
  })

  it('makes no nested stack without schedules', () => {
    const { nested } = synthesise(config({ jobs: jobsOf(job('by_hand', { schedules: [] })) }))
    assert.deepEqual(nested, [])
  })

  it('passes values to nested stacks as parameters: nothing is exported, no stack waits for its sibling', () => {
    for (const { outputs } of synthesis.nested) assert.deepEqual(outputs, {})
    const stacks = Object.entries(synthesis.main.resources).filter(([, { Type }]) => Type === 'AWS::CloudFormation::Stack')
    assert.equal(stacks.length, synthesis.nested.length)
    const ids = stacks.map(([id]) => id)
    for (const [, { DependsOn = [], Properties }] of stacks) {
      assert.deepEqual(
        DependsOn.filter(id => ids.includes(id)),
        [],
      )
      assert.ok(
        !JSON.stringify(Properties).includes('Fn::ImportValue') && !JSON.stringify(Properties).includes('Fn::GetStackOutput'),
      )
    }
  })
})

describe('sweeper', () => {
  it('is called every five minutes, with a dead letter queue', () => {
    const sweep: Resource = one(synthesise(config()).main, 'AWS::Scheduler::Schedule')
    assert.equal(sweep.Properties.ScheduleExpression, 'cron(0/5 * * * ? *)')
    assert.match(JSON.stringify(sweep.Properties.Target.Arn), /sweeper/)
    assert.deepEqual(sweep.Properties.Target.RetryPolicy, { MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 2 })
    assert.match(JSON.stringify(sweep.Properties.Target.DeadLetterConfig), /Queue/)
  })
})
