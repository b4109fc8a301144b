/** The queue of what could not be delivered. */
import { DeleteMessageCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'

export interface DeadLetter {
  id: string
  body: string
  receipt: string
}
export interface DeadLetters {
  /** At most 10; empty when there are none. */
  receive(): Promise<DeadLetter[]>
  remove(receipt: string): Promise<void>
}

export const makeDeadLetters = (client: SQSClient, queueUrl: string): DeadLetters => ({
  async receive() {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
    )
    return Messages.map(({ MessageId = '', Body = '', ReceiptHandle = '' }) => ({
      id: MessageId,
      body: Body,
      receipt: ReceiptHandle,
    }))
  },
  async remove(receipt) {
    await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: receipt }))
  },
})
