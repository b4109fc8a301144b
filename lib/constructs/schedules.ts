import { NestedStack } from 'aws-cdk-lib'
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler'
import { Construct } from 'constructs'
import type { JobConfig, ScheduleConfig } from '../../shared/config-model.ts'
import { fullName } from '../../shared/contract.ts'
import type { ScheduleInput } from '../../shared/launch-input.ts'
import { SCHEDULE_BUCKETS, scheduleBucket, scheduleResourceName } from '../../shared/schedule-names.ts'

export interface ScheduleTarget {
  readonly group: string
  readonly roleArn: string
  readonly functionArn: string
  readonly deadLettersArn: string
}

export interface SchedulesProps {
  readonly installation: string
  readonly jobs: readonly JobConfig[]
  readonly target: ScheduleTarget
}

interface Entry {
  readonly name: string
  readonly job: JobConfig
  readonly schedule: ScheduleConfig
  readonly expression: string
}

/** EventBridge takes 60 s to 24 h. */
const EVENT_AGE = { min: 60, max: 86_400 }

/** Schedules of all jobs, in nested stacks, since a stack holds at most 500 resources. */
export class Schedules extends Construct {
  constructor(scope: Construct, id: string, props: SchedulesProps) {
    super(scope, id)
    const entries = props.jobs.flatMap(job => job.schedules.flatMap(schedule => entriesOf(props.installation, job, schedule)))
    for (let bucket = 0; bucket < SCHEDULE_BUCKETS; bucket++) {
      const members = entries.filter(entry => scheduleBucket(entry.name) === bucket)
      if (members.length === 0) continue
      const stack = new NestedStack(this, String(bucket), { description: `Tidemill ${props.installation}: schedules` })
      for (const entry of members) makeSchedule(stack, entry, props.target)
    }
  }
}

const entriesOf = (installation: string, job: JobConfig, schedule: ScheduleConfig): Entry[] =>
  schedule.expressions.map((expression, index) => {
    const name = scheduleResourceName(installation, fullName(job.project, job.name), schedule.name, index)
    return { name, job, schedule, expression }
  })

function makeSchedule(scope: Construct, { name, job, schedule, expression }: Entry, target: ScheduleTarget): void {
  const input: ScheduleInput = {
    kind: 'schedule',
    job: fullName(job.project, job.name),
    schedule: schedule.name,
    scheduledFor: '<aws.scheduler.scheduled-time>',
  }
  new CfnSchedule(scope, name, {
    name,
    groupName: target.group,
    scheduleExpression: expression,
    scheduleExpressionTimezone: schedule.timezone,
    state: schedule.enabled ? 'ENABLED' : 'DISABLED',
    flexibleTimeWindow: { mode: 'OFF' },
    target: {
      arn: target.functionArn,
      roleArn: target.roleArn,
      input: JSON.stringify(input),
      retryPolicy: {
        // Back-off doubles: ten tries last about as long as a run may come late.
        maximumRetryAttempts: 10,
        maximumEventAgeInSeconds: Math.min(EVENT_AGE.max, Math.max(EVENT_AGE.min, job.startWithinSeconds)),
      },
      deadLetterConfig: { arn: target.deadLettersArn },
    },
  })
}
