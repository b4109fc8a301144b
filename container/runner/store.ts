/** The data bucket, as the runner uses it: the only file that knows the AWS client. */
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'

export interface Upload {
  key: string
  body: { file: string } | { content: string | Uint8Array }
  contentType: string
  contentEncoding?: 'gzip'
}

export interface Store {
  get(key: string): Promise<Uint8Array>
  put(upload: Upload): Promise<void>
}

export interface AwsCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

/** Address, region and credentials come from the environment, as for every AWS client. */
export function createS3Store(bucket: string): Store & { credentials(): Promise<AwsCredentials> } {
  const client = new S3Client({
    // A retry above this one waits longer and outlasts an outage.
    maxAttempts: 2,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000 },
  })
  return {
    async get(key) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
      if (!Body) throw new Error(`s3://${bucket}/${key} has no content`)
      return Body.transformToByteArray()
    },
    async put({ key, body, contentType, contentEncoding }) {
      const content = 'content' in body ? { Body: body.content } : await readBody(body.file)
      await client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          ContentType: contentType,
          ...(contentEncoding && { ContentEncoding: contentEncoding }),
          ...content,
        }),
      )
    },
    credentials: () => client.config.credentials(),
  }
}

/** The client repeats a request by itself only if it holds the content; larger files are streamed, to spare memory. */
const HELD_BYTES = 8 * 1024 * 1024
async function readBody(file: string) {
  const { size } = await stat(file)
  return size <= HELD_BYTES ? { Body: await readFile(file) } : { Body: createReadStream(file), ContentLength: size }
}
