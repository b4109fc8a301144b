import { Stack } from 'aws-cdk-lib'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { Construct } from 'constructs'
import { ENV } from '../../shared/contract.ts'
import type { ServiceFunction } from './function.ts'

/** Messages about runs and alarms of the installation, as e-mail; anything else that SNS reaches may subscribe to it. */
export class Messages extends Construct {
  readonly topic: Topic

  constructor(scope: Construct, id: string, addresses: readonly string[]) {
    super(scope, id)
    // Not encrypted with a key: an alarm cannot publish to a topic under the AWS-managed one, and a key of its own costs.
    this.topic = new Topic(this, 'Topic', { enforceSSL: true })
    // A topic with a policy loses the default one, by which alarms of the account may publish.
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    )
    for (const address of addresses) this.topic.addSubscription(new EmailSubscription(address))
  }

  grantPublish(to: ServiceFunction): void {
    to.allow(['sns:Publish'], [this.topic.topicArn])
    to.addEnvironment(ENV.topic, this.topic.topicArn)
  }
}
