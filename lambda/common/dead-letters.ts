/** The queue of what could not be delivered. */
import { DeleteMessageCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'

export interface DeadLetter {
  id: string
  body: string
  receipt: string
  /** Of a letter from EventBridge: ARN of the rule that could not deliver. */
  rule?: string
  /** What was in the way, in words of AWS. */
  error?: string
}
export interface DeadLetters {
  /** At most 10; empty when there are none. */
  receive(): Promise<DeadLetter[]>
  remove(receipt: string): Promise<void>
}

/** What EventBridge and Scheduler put on a letter (AWS: "Using dead-letter queues to process undelivered events"). */
const ATTRIBUTE = { rule: 'RULE_ARN', code: 'ERROR_CODE', words: 'ERROR_MESSAGE' } as const

export const makeDeadLetters = (client: SQSClient, queueUrl: string): DeadLetters => ({
  async receive() {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 0,
        MessageAttributeNames: Object.values(ATTRIBUTE),
      }),
    )
    return Messages.map(({ MessageId = '', Body = '', ReceiptHandle = '', MessageAttributes = {} }) => {
      const text = (name: string) => MessageAttributes[name]?.StringValue
      const rule = text(ATTRIBUTE.rule)
      const error = [text(ATTRIBUTE.code), text(ATTRIBUTE.words)].filter(Boolean).join(': ').slice(0, 500)
      return { id: MessageId, body: Body, receipt: ReceiptHandle, ...(rule && { rule }), ...(error && { error }) }
    })
  },
  async remove(receipt) {
    await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: receipt }))
  },
})
