/** One call of an AWS service that speaks JSON 1.1, signed with Signature Version 4, for the one operation that is no reason for an SDK client. */
import { createHash, createHmac } from 'node:crypto'

export interface Caller {
  region: string
  accessKeyId: string
  secretAccessKey: string
  sessionToken: string | undefined
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

/** Headers of a POST to `/` of the service. */
export function signedHeaders(
  { region, accessKeyId, secretAccessKey, sessionToken }: Caller,
  call: { service: string; target: string; host: string; body: string; at: Date },
): Record<string, string> {
  const time = `${call.at.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`
  const scope = [time.slice(0, 8), region, call.service, 'aws4_request']
  const headers: Record<string, string> = {
    'content-type': 'application/x-amz-json-1.1',
    host: call.host,
    'x-amz-date': time,
    ...(sessionToken && { 'x-amz-security-token': sessionToken }),
    'x-amz-target': call.target,
  }
  const names = Object.keys(headers).sort()
  const lines = names.map(name => `${name}:${headers[name]}\n`).join('')
  const canonical = ['POST', '/', '', lines, names.join(';'), sha256(call.body)].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(canonical)].join('\n')
  const key = scope.reduce<string | Buffer>((made, part) => hmac(made, part), `AWS4${secretAccessKey}`)
  const signature = hmac(key, toSign).toString('hex')
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope.join('/')}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  }
}
