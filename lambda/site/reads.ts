/** Table and bucket as the pages' questions need them. */
import { GetObjectCommand, ListObjectsV2Command, NoSuchKey, type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import { DEPLOYMENTS_KEY, INDEX, KEY } from '../../shared/contract.ts'
import type { PageReads, Part } from '../../shared/page-reads.ts'
import { type Configs, hashOfConfig } from '../common/config.ts'
import type { Dynamo } from '../common/dynamo.ts'
import { batchGet, queryAll } from '../common/dynamo-read.ts'

export interface ReadsProps {
  dynamo: Dynamo
  s3: S3Client
  bucketName: string
  configs: Configs
}

export const makeReads = ({ dynamo, s3, bucketName, configs }: ReadsProps): PageReads => ({
  item: async pk => (await dynamo.client.send(new GetCommand({ TableName: dynamo.table, Key: { pk } }))).Item,
  items: pks => batchGet(dynamo, pks),
  open: partition => readOpen(dynamo, partition),
  async keys(prefix, after, limit) {
    const wanted = { Bucket: bucketName, Prefix: prefix, StartAfter: after, MaxKeys: limit }
    return ((await s3.send(new ListObjectsV2Command(wanted))).Contents ?? []).flatMap(({ Key }) => Key ?? [])
  },
  configKey: async () => KEY.config(configs.current),
  config: key => configs.load(hashOfConfig(key)),
  async deployments(limit) {
    const answer = await dynamo.client.send(
      new QueryCommand({
        TableName: dynamo.table,
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

async function readOpen(dynamo: Dynamo, partition: string) {
  const items = await queryAll(dynamo, {
    IndexName: INDEX.open.name,
    KeyConditionExpression: '#p = :p',
    ExpressionAttributeNames: { '#p': INDEX.open.partition },
    ExpressionAttributeValues: { ':p': partition },
  })
  return items.map(item => ({ pk: String(item.pk), sort: String(item[INDEX.open.sort]) }))
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
