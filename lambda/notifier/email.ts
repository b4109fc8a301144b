/** Publishes to the topic; SNS sends the e-mails, and what else has subscribed to it. */
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns'
import { renderText } from '../../shared/message-text.ts'
import type { Send } from './deliver.ts'

/** Errors that the same call meets again, by the API reference of Publish. */
const PERMANENT = new Set(['InvalidParameterException', 'InvalidParameterValueException', 'NotFoundException'])

export function makeEmail(client: Pick<SNSClient, 'send'>, topic: string): Send {
  return async message => {
    const attributes = { kind: message.kind, project: message.project, environment: message.environment, job: message.job }
    try {
      await client.send(
        new PublishCommand({
          TopicArn: topic,
          Subject: message.subject,
          Message: renderText(message),
          // For filters of subscriptions.
          MessageAttributes: Object.fromEntries(
            Object.entries({ ...attributes, runId: message.runId }).map(([name, value]) => [
              name,
              { DataType: 'String', StringValue: value },
            ]),
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
