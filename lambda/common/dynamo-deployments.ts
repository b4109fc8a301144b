/** Which configurations were deployed, when and by whom, and since when each was in force. */
import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import { DEPLOYMENTS_KEY, INDEX, PK, SCHEMA_VERSION } from '../../shared/contract.ts'
import type { Deployment } from '../../shared/deployment.ts'
import { type Dynamo, putNew, update } from './dynamo.ts'
import { batchGet } from './dynamo-read.ts'
import type { DeploymentStore } from './store.ts'

export function makeDeploymentStore(dynamo: Dynamo): DeploymentStore {
  const { client, table } = dynamo
  return {
    async deployments(limit) {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName: table,
          IndexName: INDEX.job.name,
          KeyConditionExpression: `${INDEX.job.partition} = :all`,
          ExpressionAttributeValues: { ':all': DEPLOYMENTS_KEY },
          ScanIndexForward: false,
          Limit: limit,
        }),
      )
      const items = await batchGet(
        dynamo,
        Items.map(item => String(item.pk)),
      )
      return items.map(
        ({ id, hash, at, by, since }) => ({ id, hash, at, by, ...(since !== undefined && { since }) }) as Deployment,
      )
    },
    async putDeployment(deployment) {
      const Item = { pk: PK.deployment(deployment.id), schemaVersion: SCHEMA_VERSION, jobKey: DEPLOYMENTS_KEY, ...deployment }
      return putNew(dynamo, Item)
    },
    async noteInForce(id, since) {
      await update(dynamo, {
        pk: PK.deployment(id),
        update: 'SET #since = if_not_exists(#since, :since)',
        condition: 'attribute_exists(pk)',
        values: { since },
      })
    },
  }
}
