/** Publishes to a topic; SNS sends the e-mails, and what else has subscribed to it. */
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns'
import { renderText } from '../../shared/message-text.ts'
import { mailTopicArn } from '../../shared/resource-names.ts'
import type { Send } from './deliver.ts'

/** Errors that the same call meets again, by the API reference of Publish. */
const PERMANENT = new Set(['InvalidParameterException', 'InvalidParameterValueException', 'NotFoundException'])

/** `topic`: of the installation's own addresses; each further list has one beside it. */
export function makeEmail(client: Pick<SNSClient, 'send'>, topic: string, installation: string): Send {
  return async (message, { target }) => {
    const { kind, project, environment, job, runId } = message
    const attributes = Object.entries({ kind, project, environment, job, runId }).filter(([, value]) => value)
    try {
      await client.send(
        new PublishCommand({
          TopicArn: target ? mailTopicArn(topic, installation, target) : topic,
          Subject: message.subject,
          Message: renderText(message),
          // For filters of subscriptions.
          MessageAttributes: Object.fromEntries(
            attributes.map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
          ),
        }),
      )
      return { outcome: 'sent' }
    } catch (error) {
      if (!(error instanceof Error)) throw error
      return {
        outcome: PERMANENT.has(error.name) ? 'never' : 'later',
        error: `SNS: ${error.name}: ${error.message}`.slice(0, 500),
      }
    }
  }
}
