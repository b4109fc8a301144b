/** The dispatcher's lease in the table. */
import { DeleteCommand } from '@aws-sdk/lib-dynamodb'
import { PK } from '../../shared/contract.ts'
import { type Dynamo, isNamed, update } from './dynamo.ts'
import type { LeaseStore } from './store.ts'

/** A note when the poke names no run: look at the whole line. DynamoDB has no empty sets. */
const LOOK = '*'

export function makeLeaseStore(dynamo: Dynamo): LeaseStore {
  const pk = PK.dispatchLease
  return {
    async acquire(holder, now, until) {
      return !!(await update(dynamo, {
        pk,
        update: 'SET #holder = :holder, #until = :until',
        condition: 'attribute_not_exists(#holder) OR #until < :now',
        values: { holder, until, now },
      }))
    },
    async leaveNote(runs, now) {
      return !!(await update(dynamo, {
        pk,
        update: 'ADD #again :runs',
        condition: 'attribute_exists(#holder) AND #until >= :now',
        values: { runs: new Set(runs.length ? runs : [LOOK]), now },
      }))
    },
    async takeNotes(holder, until) {
      const before = await update(
        dynamo,
        { pk, update: 'SET #until = :until REMOVE #again', condition: '#holder = :holder', values: { holder, until } },
        'ALL_OLD',
      )
      return before && [...((before.again as Set<string> | undefined) ?? [])].filter(note => note !== LOOK)
    },
    async release(holder) {
      try {
        await dynamo.client.send(
          new DeleteCommand({
            TableName: dynamo.table,
            Key: { pk },
            ConditionExpression: '#holder = :holder AND attribute_not_exists(#again)',
            ExpressionAttributeNames: { '#holder': 'holder', '#again': 'again' },
            ExpressionAttributeValues: { ':holder': holder },
          }),
        )
        return true
      } catch (error) {
        if (isNamed(error, 'ConditionalCheckFailedException')) return false
        throw error
      }
    },
  }
}
