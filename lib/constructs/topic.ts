import { Stack } from 'aws-cdk-lib'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { Construct } from 'constructs'
import type { Config } from '../../shared/config-model.ts'
import { ENV } from '../../shared/contract.ts'
import { mailTopicName } from '../../shared/resource-names.ts'
import type { ServiceFunction } from './function.ts'

export interface MessagesProps {
  readonly installation: string
  readonly email: Config['channels']['email']
}

/** Messages about runs and alarms of the installation, as e-mail; anything else that SNS reaches may subscribe to it. */
export class Messages extends Construct {
  readonly topic: Topic
  /** One for each further list of addresses: a subscription of its own for an address that is in several. */
  private readonly lists: Topic[]

  constructor(scope: Construct, id: string, { installation, email }: MessagesProps) {
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
    for (const address of email?.addresses ?? []) this.topic.addSubscription(new EmailSubscription(address))
    this.lists = Object.entries(email?.lists ?? {}).map(([list, addresses]) => {
      const topic = new Topic(this, `List${list}`, { topicName: mailTopicName(installation, list), enforceSSL: true })
      for (const address of addresses) topic.addSubscription(new EmailSubscription(address))
      return topic
    })
  }

  grantPublish(to: ServiceFunction): void {
    to.allow(
      ['sns:Publish'],
      [this.topic, ...this.lists].map(topic => topic.topicArn),
    )
    to.addEnvironment(ENV.topic, this.topic.topicArn)
  }
}
