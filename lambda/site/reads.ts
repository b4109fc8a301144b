/** Table and bucket as the pages' questions need them. */
import { GetObjectCommand, ListObjectsV2Command, NoSuchKey, type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { BatchGetCommand, type DynamoDBDocumentClient, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import { DEPLOYMENTS_KEY, INDEX, KEY } from '../../shared/contract.ts'
import type { PageReads, Part } from '../../shared/page-reads.ts'
import { type Configs, hashOfConfig } from '../common/config.ts'

export interface ReadsProps {
  table: DynamoDBDocumentClient
  tableName: string
  s3: S3Client
  bucketName: string
  configs: Configs
}

export const makeReads = ({ table, tableName, s3, bucketName, configs }: ReadsProps): PageReads => ({
  item: async pk => (await table.send(new GetCommand({ TableName: tableName, Key: { pk } }))).Item,
  items: pks => readItems(table, tableName, pks),
  open: partition => readOpen(table, tableName, partition),
  async keys(prefix, after, limit) {
    const wanted = { Bucket: bucketName, Prefix: prefix, StartAfter: after, MaxKeys: limit }
    return ((await s3.send(new ListObjectsV2Command(wanted))).Contents ?? []).flatMap(({ Key }) => Key ?? [])
  },
  configKey: async () => KEY.config(configs.current),
  config: key => configs.load(hashOfConfig(key)),
  async deployments(limit) {
    const answer = await table.send(
      new QueryCommand({
        TableName: tableName,
        IndexName: INDEX.job.name,
        KeyConditionExpression: '#p = :p',
        ExpressionAttributeNames: { '#p': INDEX.job.partition },
        ExpressionAttributeValues: { ':p': DEPLOYMENTS_KEY },
        ScanIndexForward: false,
        Limit: limit,
      }),
    )
    return (answer.Items ?? []).map(({ pk }) => String(pk))
  },
  bytes: (key, part) => readBytes(s3, bucketName, key, part),
})

/** A batch holds at most 100 keys; what it leaves is asked for again. */
async function readItems(table: DynamoDBDocumentClient, name: string, pks: string[]): Promise<unknown[]> {
  const items: unknown[] = []
  for (let from = 0; from < pks.length; from += 100) {
    let keys: Record<string, unknown>[] = pks.slice(from, from + 100).map(pk => ({ pk }))
    while (keys.length > 0) {
      const answer = await table.send(new BatchGetCommand({ RequestItems: { [name]: { Keys: keys } } }))
      items.push(...(answer.Responses?.[name] ?? []))
      keys = answer.UnprocessedKeys?.[name]?.Keys ?? []
    }
  }
  return items
}

async function readOpen(table: DynamoDBDocumentClient, name: string, partition: string) {
  const found: { pk: string; sort: string }[] = []
  for (let start: Record<string, unknown> | undefined; ; ) {
    const answer = await table.send(
      new QueryCommand({
        TableName: name,
        IndexName: INDEX.open.name,
        KeyConditionExpression: '#p = :p',
        ExpressionAttributeNames: { '#p': INDEX.open.partition },
        ExpressionAttributeValues: { ':p': partition },
        ...(start && { ExclusiveStartKey: start }),
      }),
    )
    for (const item of answer.Items ?? []) found.push({ pk: String(item.pk), sort: String(item[INDEX.open.sort]) })
    start = answer.LastEvaluatedKey
    if (!start) return found
  }
}

async function readBytes(s3: S3Client, bucket: string, key: string, part: Part) {
  const range = part === 'all' ? {} : { Range: 'last' in part ? `bytes=-${part.last}` : `bytes=${part.start}-${part.end}` }
  try {
    const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, ...range }))
    const bytes = (await answer.Body?.transformToByteArray()) ?? new Uint8Array()
    return { bytes, size: Number(/\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1] ?? bytes.length) }
  } catch (error) {
    if (error instanceof NoSuchKey) return undefined
    // An empty object has no range.
    if (error instanceof S3ServiceException && error.name === 'InvalidRange') return { bytes: new Uint8Array(), size: 0 }
    throw error
  }
}
