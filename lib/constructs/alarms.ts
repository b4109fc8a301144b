import { Duration } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, type IMetric, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { FilterPattern, MetricFilter } from 'aws-cdk-lib/aws-logs'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import { Construct } from 'constructs'
import type { DeadLetters } from './dead-letters.ts'
import type { ServiceFunction } from './function.ts'
import type { Functions } from './functions.ts'

export interface AlarmsProps {
  readonly installation: string
  readonly functions: Functions
  readonly deadLetters: DeadLetters
  readonly topic: ITopic
}

interface AlarmRule {
  readonly description: string
  readonly metric: IMetric
  /** The alarm goes off at this value or beyond it. */
  readonly threshold: number
  readonly comparison: ComparisonOperator
  readonly missing: TreatMissingData
}

/** One alarm for each thing that Tidemill cannot tell by itself; docs/runbook.md has a heading for each. */
export class Alarms extends Construct {
  constructor(scope: Construct, id: string, { installation, functions, deadLetters, topic }: AlarmsProps) {
    super(scope, id)
    const failedMessages = new MetricFilter(this, 'FailedMessages', {
      logGroup: functions.notifier.logGroup,
      filterPattern: FilterPattern.stringValue('$.alarm', '=', 'message_failed'),
      metricNamespace: `Tidemill/${installation}`,
      metricName: 'FailedMessages',
      metricValue: '1',
    }).metric({ statistic: 'Sum', period: Duration.minutes(5) })
    const rules: Record<string, AlarmRule> = {
      'dead-letters': above(
        1,
        deadLetters.queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: Duration.minutes(5) }),
        'A schedule, an event or a call could not be delivered.',
      ),
      'failed-messages': above(1, failedMessages, 'A message about a run could not be delivered on one of its channels.'),
      // What the other functions fail at three times is a dead letter.
      'api-errors': above(3, errorsOf(functions), 'Operations of people and programs fail.'),
      'sweeper-silent': {
        description: 'Nobody looks for what is missing: the sweeper has not run for 15 minutes.',
        metric: functions.sweeper.metricInvocations({ statistic: 'Sum', period: Duration.minutes(15) }),
        threshold: 0,
        comparison: ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD,
        missing: TreatMissingData.BREACHING,
      },
    }
    for (const [name, rule] of Object.entries(rules))
      new Alarm(this, name, {
        alarmName: `${installation}-${name}`,
        alarmDescription: `${rule.description} See docs/runbook.md, "${name}".`,
        metric: rule.metric,
        threshold: rule.threshold,
        comparisonOperator: rule.comparison,
        evaluationPeriods: 1,
        treatMissingData: rule.missing,
      }).addAlarmAction(new SnsAction(topic))
  }
}

/** Of the functions that are called from outside, whose failures nobody repeats for them. */
function errorsOf({ api, webhook }: Functions): IMetric {
  const errors = (each: ServiceFunction) => each.metricErrors({ statistic: 'Sum', period: Duration.minutes(15) })
  if (!webhook) return errors(api)
  return new MathExpression({
    expression: 'api + webhook',
    usingMetrics: { api: errors(api), webhook: errors(webhook) },
    period: Duration.minutes(15),
  })
}

const above = (threshold: number, metric: IMetric, description: string): AlarmRule => ({
  description,
  metric,
  threshold,
  comparison: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  missing: TreatMissingData.NOT_BREACHING,
})
