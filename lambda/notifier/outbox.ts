/** Messages in the table, from written down to sent. Each step is one conditional write. */
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { FAILED_MESSAGES_KEY, OPEN_PHASE } from '../../shared/contract.ts'
import { type Dynamo, update } from '../common/dynamo.ts'
import { queryOpen } from '../common/dynamo-read.ts'
import type { MessageItem } from '../common/message-item.ts'

export interface Outbox {
  /** Partition keys of the messages that are neither sent nor given up; eventually consistent. */
  open(): Promise<string[]>
  /**
   * Takes the message for sending until then. Undefined: it is sent or given up, another is sending it, or its time has
   * not come. A lease that ran out means that the sender died: whether it had sent, nobody knows, so it is sent again.
   */
  take(pk: string, now: string, until: string): Promise<MessageItem | undefined>
  find(pk: string): Promise<MessageItem | undefined>
  /** False, here and below: the lease is no longer this one. */
  sent(item: MessageItem, at: string, receipt?: string): Promise<boolean>
  /** Back for a later try, not before then. */
  putBack(item: MessageItem, notBefore: string, error: string): Promise<boolean>
  /** It is found by those who look for what was lost, until somebody has it sent again. */
  giveUp(item: MessageItem, at: string, error: string): Promise<boolean>
}

const HELD = '#state = :sending AND #leaseUntil = :lease'
/** Only what is in the open index is looked at again. */
const CLOSE = 'REMOVE #leaseUntil, #openKey, #openSort'

export function makeOutbox(dynamo: Dynamo): Outbox {
  const held = (item: MessageItem) => ({ sending: 'sending', lease: item.leaseUntil })
  const change = async (item: MessageItem, expression: string, values: Record<string, unknown>) =>
    !!(await update(dynamo, { pk: item.pk, update: expression, condition: HELD, values: { ...held(item), ...values } }))
  return {
    async open() {
      return (await queryOpen(dynamo, OPEN_PHASE.message)).map(entry => entry.pk)
    },
    async take(pk, now, until) {
      const item = await update(dynamo, {
        pk,
        update: 'SET #state = :sending, #leaseUntil = :until, #firstTryAt = if_not_exists(#firstTryAt, :now) ADD #tries :one',
        condition: '#state IN (:pending, :sending) AND (attribute_not_exists(#leaseUntil) OR #leaseUntil < :now)',
        values: { pending: 'pending', sending: 'sending', until, now, one: 1 },
      })
      return item as MessageItem | undefined
    },
    async find(pk) {
      const answer = await dynamo.client.send(new GetCommand({ TableName: dynamo.table, Key: { pk }, ConsistentRead: true }))
      return answer.Item as MessageItem | undefined
    },
    sent: (item, at, receipt) =>
      change(item, `SET #state = :sent, #sentAt = :at${receipt ? ', #receipt = :receipt' : ''} ${CLOSE}`, {
        sent: 'sent',
        at,
        ...(receipt && { receipt }),
      }),
    putBack: (item, notBefore, error) =>
      change(item, 'SET #state = :pending, #leaseUntil = :notBefore, #lastError = :error', {
        pending: 'pending',
        notBefore,
        error,
      }),
    giveUp: (item, at, error) =>
      change(item, `SET #state = :failed, #lastError = :error, #failedAt = :at, #jobKey = :lost, #id = :id ${CLOSE}`, {
        ...{ failed: 'failed', error, at },
        ...{ lost: FAILED_MESSAGES_KEY, id: `${at}#${item.pk}` },
      }),
  }
}
