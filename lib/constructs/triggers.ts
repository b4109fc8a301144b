import { Duration, Stack } from 'aws-cdk-lib'
import { Rule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets'
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { CfnSchedule, CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler'
import { Construct } from 'constructs'
import type { Config } from '../../shared/config-model.ts'
import { scheduleGroup } from '../../shared/resource-names.ts'
import type { Cluster } from './cluster.ts'
import type { DeadLetters } from './dead-letters.ts'
import { EventRules } from './event-rules.ts'
import type { Functions } from './functions.ts'
import { Schedules } from './schedules.ts'

export interface TriggersProps {
  readonly config: Config
  readonly functions: Functions
  readonly cluster: Cluster
  readonly deadLetters: DeadLetters
}

/** What sets the functions going: the schedules and events of the jobs, the sweeper's own schedule, and the events of the tasks. */
export class Triggers extends Construct {
  constructor(scope: Construct, id: string, { config, functions, cluster, deadLetters }: TriggersProps) {
    super(scope, id)
    const { launcher, sweeper, finisher } = functions
    const group = new CfnScheduleGroup(this, 'Group', { name: scheduleGroup(config.installation) })
    const role = new Role(this, 'SchedulerRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      inlinePolicies: {
        targets: new PolicyDocument({
          statements: [
            new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [launcher.functionArn, sweeper.functionArn] }),
            new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [deadLetters.queue.queueArn] }),
          ],
        }),
      },
    })
    const target = { group: group.ref, roleArn: role.roleArn, deadLettersArn: deadLetters.queue.queueArn }
    new Schedules(this, 'Schedules', {
      installation: config.installation,
      jobs: Object.values(config.jobs),
      target: { ...target, functionArn: launcher.functionArn },
    })
    new CfnSchedule(this, 'Sweep', {
      groupName: group.ref,
      scheduleExpression: 'cron(0/5 * * * ? *)',
      scheduleExpressionTimezone: 'UTC',
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: sweeper.functionArn,
        roleArn: role.roleArn,
        input: '{}',
        // The next turn does the same.
        retryPolicy: { maximumRetryAttempts: 2, maximumEventAgeInSeconds: 300 },
        deadLetterConfig: { arn: target.deadLettersArn },
      },
    })
    new EventRules(this, 'Events', { config, launcher, deadLetters })
    new Rule(this, 'TaskEvents', {
      description: `Tidemill ${config.installation}: a task runs or has stopped`,
      eventPattern: {
        source: ['aws.ecs'],
        detailType: ['ECS Task State Change'],
        detail: { clusterArn: [cluster.clusterArn], lastStatus: ['RUNNING', 'STOPPED'] },
      },
      targets: [
        new LambdaFunction(finisher, { deadLetterQueue: deadLetters.queue, retryAttempts: 20, maxEventAge: Duration.hours(6) }),
      ],
    })
  }
}
