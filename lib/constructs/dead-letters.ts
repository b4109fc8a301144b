import { Duration } from 'aws-cdk-lib'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { ENV } from '../../shared/contract.ts'
import { acknowledge } from '../acknowledge.ts'
import type { ServiceFunction } from './function.ts'

/** What could not be delivered, of schedules, events and functions. The sweeper reads it; an alarm tells of it. */
export class DeadLetters extends Construct {
  readonly queue: Queue

  constructor(scope: Construct, id: string) {
    super(scope, id)
    this.queue = new Queue(this, 'Queue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      // As long as the sweeper may take over one message.
      visibilityTimeout: Duration.minutes(5),
    })
    acknowledge(this.queue, { 'AwsSolutions-SQS3': 'This is the dead-letter queue.' })
  }

  grantDrain(to: ServiceFunction): void {
    to.allow(['sqs:ReceiveMessage', 'sqs:DeleteMessage'], [this.queue.queueArn])
    to.addEnvironment(ENV.deadLetters, this.queue.queueUrl)
  }
}
