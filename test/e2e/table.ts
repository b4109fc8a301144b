/** What a test of faults changes past the app: items of the table, calls of functions, faults of the process-backed ECS. */

import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { ECSClient, ListTasksCommand } from '@aws-sdk/client-ecs'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { S3Client } from '@aws-sdk/client-s3'
import { DynamoDBDocumentClient, GetCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb'
import { type Bucket, makeBucket } from '../../lambda/common/bucket.ts'
import type { LocalCloud } from '../../local/cloud.ts'
import { readDescription } from '../../local/state.ts'
import { startedBy } from '../../shared/contract.ts'
import { OUTPUT } from '../../shared/resource-names.ts'
import { clientOptions } from '../local/client.ts'

export interface Backstage {
  /** Calls a function and waits for its answer. Throws what it threw. */
  call(name: string, payload: object): Promise<unknown>
  item(pk: string): Promise<Record<string, unknown>>
  /** Changes an item as if somebody had left it so. */
  change(pk: string, over: Record<string, unknown>): Promise<void>
  scan(prefix: string): Promise<Record<string, unknown>[]>
  /** Tasks that ECS has made for a run's first attempt. */
  tasksOf(run: string): Promise<string[]>
  /** Arms a fault of the ECS; answers with a function that says how often it was injected. */
  arm(fault: object): Promise<() => Promise<number>>
}

/** The data bucket of the installation. */
export async function bucketOf(cloud: LocalCloud): Promise<Bucket> {
  const s3 = new S3Client(clientOptions(cloud))
  return makeBucket(s3, (await readDescription(cloud.paths))?.outputs?.[OUTPUT.bucket] ?? '')
}

export async function makeBackstage(cloud: LocalCloud, installation: string): Promise<Backstage> {
  const options = clientOptions(cloud)
  const lambda = new LambdaClient(options)
  const dynamo = new DynamoDBClient(options)
  const table = DynamoDBDocumentClient.from(dynamo, { marshallOptions: { removeUndefinedValues: true } })
  const { TableNames = [] } = await dynamo.send(new ListTablesCommand({}))
  const [TableName] = TableNames.filter(name => name.startsWith(installation))
  const item = async (pk: string) => {
    const { Item } = await table.send(new GetCommand({ TableName, Key: { pk }, ConsistentRead: true }))
    if (!Item) throw new Error(`no item ${pk}`)
    return Item
  }
  const faults = async (method: string, body?: object) => {
    const response = await fetch(`${cloud.ecsEndpoint}/_faults`, {
      method,
      headers: { 'x-tidemill-key': cloud.accessKeyId },
      ...(body && { body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as { id: number; faults?: { id: number; injected: number }[] }
    if (!response.ok) throw new Error(`fault not armed: ${JSON.stringify(answer)}`)
    return answer
  }
  return {
    item,
    async call(name, payload) {
      const Payload = new TextEncoder().encode(JSON.stringify(payload))
      const answer = await lambda.send(new InvokeCommand({ FunctionName: `${installation}-${name}`, Payload }))
      const text = new TextDecoder().decode(answer.Payload)
      if (answer.FunctionError) throw new Error(`${name}: ${text}`)
      return text ? JSON.parse(text) : undefined
    },
    async change(pk, over) {
      await table.send(new PutCommand({ TableName, Item: { ...(await item(pk)), ...over } }))
    },
    async scan(prefix) {
      const found = await table.send(
        new ScanCommand({
          TableName,
          FilterExpression: 'begins_with(pk, :prefix)',
          ExpressionAttributeValues: { ':prefix': prefix },
        }),
      )
      return found.Items ?? []
    },
    async tasksOf(run) {
      const ecs = new ECSClient({ ...options, endpoint: cloud.ecsEndpoint })
      const lists = await Promise.all(
        (['RUNNING', 'STOPPED'] as const).map(desiredStatus =>
          ecs.send(new ListTasksCommand({ cluster: installation, startedBy: startedBy(run, 1), desiredStatus })),
        ),
      )
      return lists.flatMap(list => list.taskArns ?? [])
    },
    async arm(fault) {
      const { id } = await faults('POST', fault)
      return async () => (await faults('GET')).faults?.find(each => each.id === id)?.injected ?? 0
    },
  }
}
