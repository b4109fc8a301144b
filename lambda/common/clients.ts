/** AWS clients of a Lambda, made once a process, and what is made of them. */
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { ECSClient } from '@aws-sdk/client-ecs'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { S3Client } from '@aws-sdk/client-s3'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'

export const documentClient = (client: DynamoDBClient) =>
  DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } })

export const makeClients = {
  table: () => documentClient(new DynamoDBClient({})),
  /** Path style: it works with every endpoint, also one on loopback. */
  s3: () => new S3Client({ forcePathStyle: true }),
  ecs: () => new ECSClient({}),
  /** Repeats nothing: of a refusal that followed a lost answer nobody could tell that a task may exist. */
  ecsOnce: () => new ECSClient({ maxAttempts: 1 }),
  lambda: () => new LambdaClient({}),
  logs: () => new CloudWatchLogsClient({}),
} as const
