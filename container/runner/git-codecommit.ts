/** Address and credentials of AWS CodeCommit: git's password is a Signature Version 4 made with the task role. */
import { createHash, createHmac } from 'node:crypto'
import type { AwsCredentials } from './store.ts'

export interface CodeCommitRepository {
  region: string
  name: string
}

/** `codecommit::<region>://<name>`, as git-remote-codecommit writes it, or the https address. */
export function parseCodeCommit(url: string): CodeCommitRepository | undefined {
  const short = /^codecommit::([a-z0-9-]+):\/\/([\w.-]+)$/.exec(url)
  const long = /^https:\/\/git-codecommit\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/v1\/repos\/([\w.-]+)$/.exec(url)
  const [, region, name] = short ?? long ?? []
  return region && name ? { region, name } : undefined
}

const hostOf = ({ region }: CodeCommitRepository) =>
  `git-codecommit.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`

export const codeCommitUrl = (r: CodeCommitRepository) => `https://${hostOf(r)}/v1/repos/${r.name}`

/** `user:password` for git, valid for 15 minutes. */
export function codeCommitToken(r: CodeCommitRepository, credentials: AwsCredentials, now: Date): string {
  const time = now.toISOString().slice(0, 19).replace(/[-:]/g, '')
  const date = time.slice(0, 8)
  const host = hostOf(r)
  // CodeCommit's own canonical request: method GIT, no payload hash, a time without zone.
  const request = `GIT\n/v1/repos/${r.name}\n\nhost:${host}\n\nhost\n`
  const scope = `${date}/${r.region}/codecommit/aws4_request`
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${createHash('sha256').update(request).digest('hex')}`
  const hmac = (key: string | Buffer, value: string) => createHmac('sha256', key).update(value).digest()
  const key = [date, r.region, 'codecommit', 'aws4_request'].reduce(
    hmac,
    Buffer.from(`AWS4${credentials.secretAccessKey}`) as Buffer,
  )
  const user = credentials.sessionToken ? `${credentials.accessKeyId}%${credentials.sessionToken}` : credentials.accessKeyId
  return `${user}:${time}Z${hmac(key, text).toString('hex')}`
}
