/** The item of a job that runs after several: read, then written on condition that nobody wrote meanwhile. */
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
import { PK, SCHEMA_VERSION } from '../../shared/contract.ts'
import { type Dynamo, isNamed } from './dynamo.ts'
import type { FanInState, Store } from './store.ts'

export function makeFanInStore({ client, table }: Dynamo): Pick<Store, 'fanIn' | 'putFanIn'> {
  return {
    async fanIn(job) {
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: { pk: PK.fanIn(job) }, ConsistentRead: true }))
      if (!Item) return undefined
      const { version, ends, used, due } = Item as unknown as FanInState
      return { version, ends, used, due }
    },
    async putFanIn(job, state) {
      try {
        await client.send(
          new PutCommand({
            TableName: table,
            Item: { pk: PK.fanIn(job), schemaVersion: SCHEMA_VERSION, ...state },
            ConditionExpression: state.version === 1 ? 'attribute_not_exists(pk)' : '#version = :before',
            ...(state.version > 1 && {
              ExpressionAttributeNames: { '#version': 'version' },
              ExpressionAttributeValues: { ':before': state.version - 1 },
            }),
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
