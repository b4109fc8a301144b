/**
 * Deployer: puts the resolved configuration, which `cdk deploy` uploaded as an asset, where the other functions read it.
 * Input: custom resource event of CloudFormation with the properties of {@link Copy}. Old configurations stay: runs that
 * were claimed with them still need them.
 *
 * Environment: table. Permissions: s3:GetObject on the asset; s3:PutObject on config/*; dynamodb: PutItem on the table.
 * Time limit 60 s, memory 256 MB.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { CopyObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { z } from 'zod/mini'
import { documentClient } from '../common/clients.ts'
import { makeDeploymentStore } from '../common/dynamo-deployments.ts'
import { env } from '../common/env.ts'

const copy = z.object({
  sourceBucket: z.string(),
  sourceKey: z.string(),
  bucket: z.string(),
  key: z.string(),
  deployedBy: z.optional(z.string()),
})
type Copy = z.infer<typeof copy>

const event = z.object({
  RequestType: z.enum(['Create', 'Update', 'Delete']),
  ResponseURL: z.string(),
  StackId: z.string(),
  RequestId: z.string(),
  LogicalResourceId: z.string(),
  PhysicalResourceId: z.optional(z.string()),
  ResourceProperties: z.unknown(),
})
type Event = z.infer<typeof event>

const s3 = new S3Client({})
const dynamo = new DynamoDBClient({})

export async function handler(input: unknown): Promise<void> {
  const request = event.parse(input)
  try {
    const key =
      request.RequestType === 'Delete'
        ? request.PhysicalResourceId
        : await deploy(request, copy.parse(request.ResourceProperties))
    await answer(request, { Status: 'SUCCESS', PhysicalResourceId: key })
  } catch (error) {
    console.error(JSON.stringify({ level: 'error', message: 'configuration not stored', error: String(error) }))
    await answer(request, { Status: 'FAILED', Reason: `The configuration could not be stored: ${error}` })
  }
}

async function deploy(request: Event, properties: Copy): Promise<string> {
  const key = await store(properties)
  await remember(request, properties).catch(error =>
    // The sweeper adds what is missing: a deployment does not fail for its entry in the history.
    console.error(JSON.stringify({ level: 'error', message: 'deployment not recorded', error: String(error) })),
  )
  return key
}

/** A rollback comes here too, with the properties of before: it is a deployment of the configuration that was in force. */
async function remember({ RequestId }: Event, { key, deployedBy = 'unknown' }: Copy): Promise<void> {
  const at = new Date().toISOString()
  const hash = /([0-9a-f]{64})/.exec(key)?.[1] ?? key
  const { putDeployment } = makeDeploymentStore({ client: documentClient(dynamo), table: env.table() })
  await putDeployment({ id: `${at}-${RequestId}`, hash, at, by: deployedBy.slice(0, 512) })
}

async function store({ sourceBucket, sourceKey, bucket, key }: Copy): Promise<string> {
  const source = `${sourceBucket}/${sourceKey}`
  await s3.send(
    new CopyObjectCommand({
      Bucket: bucket,
      Key: key,
      CopySource: source,
      ContentType: 'application/json',
      MetadataDirective: 'REPLACE',
    }),
  )
  return key
}

/** CloudFormation waits for this answer, up to an hour: it is given whatever happened. */
async function answer(
  request: Event,
  result: { Status: string; Reason?: string; PhysicalResourceId?: string | undefined },
): Promise<void> {
  const { StackId, RequestId, LogicalResourceId, PhysicalResourceId = 'none' } = request
  const response = await fetch(request.ResponseURL, {
    method: 'PUT',
    body: JSON.stringify({
      StackId,
      RequestId,
      LogicalResourceId,
      ...result,
      PhysicalResourceId: result.PhysicalResourceId ?? PhysicalResourceId,
    }),
    signal: AbortSignal.timeout(20_000),
  })
  if (!response.ok) throw new Error(`CloudFormation answered ${response.status}`)
}
