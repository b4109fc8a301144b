/** Readers of the texts in tidemill.yml: each gives a value, or a refusal that says what to write instead. */
import type { ProjectConfig, SecretRef } from './config-model.ts'
import { secretKind, storeSecret } from './config-secrets.ts'
import { type Refusal, refuse } from './refusal.ts'
import { isTimezone, timezones } from './schedule-zone.ts'
import { meant, suggest } from './suggest.ts'

/**
 * Names of installations, projects, environments, jobs and schedules become part of stack, role, task family, schedule and
 * key names. No `.` (it joins the parts of a schedule's name), at most so many characters that the longest still fits.
 */
export const NAME_LIMIT = { installation: 24, project: 48, environment: 32, job: 64, schedule: 24, target: 32 } as const

export const nameReader =
  (kind: keyof typeof NAME_LIMIT) =>
  (text: string): string | Refusal => {
    const most = NAME_LIMIT[kind]
    const safe = text
      .trim()
      .replace(/[^A-Za-z0-9_-]+/g, '_')
      .replace(/^[_-]+|[_-]+$/g, '')
      .slice(0, most)
    const instead = safe && safe !== text ? `; for example ${safe}` : ''
    if (text.length > most) return refuse(`is longer than ${most} characters${instead}`)
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(text))
      return refuse(
        `cannot name ${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}: letters, digits, - and _ only, the first a letter or digit${instead}`,
      )
    return text
  }

/** CloudFormation takes letters, digits and `-`; buckets want lower case. */
export function readInstallation(text: string): string | Refusal {
  const name = nameReader('installation')(text)
  if (typeof name !== 'string') return name
  return /^[a-z][a-z0-9-]*$/.test(text)
    ? text
    : refuse('cannot name an installation: lower-case letters, digits and -, the first a letter')
}

const UNIT_SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
const UNIT = /^(\d+(?:\.\d+)?)\s*(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)(?![a-z])\s*/i

/** `2h`, `90 min`, `1d`, `1h30m` in seconds, between two bounds given in the same form. */
export const durationReader =
  (least: string, most: string) =>
  (text: string): number | Refusal => {
    const seconds = secondsOf(text)
    if (seconds === undefined) return refuse('is not a duration; write a number with its unit, e.g. 90s, 30m, 2h, 1d, 1h30m')
    if (seconds < (secondsOf(least) ?? 0)) return refuse(`is shorter than ${least}, the least allowed`)
    if (seconds > (secondsOf(most) ?? 0)) return refuse(`is longer than ${most}, the most allowed`)
    return seconds
  }

function secondsOf(text: string): number | undefined {
  let rest = text.trim()
  if (!rest) return undefined
  let seconds = 0
  while (rest) {
    const [whole, amount, unit] = UNIT.exec(rest) ?? []
    if (whole === undefined || unit === undefined) return undefined
    seconds += Number(amount) * (UNIT_SECONDS[(unit[0] ?? '').toLowerCase()] ?? 0)
    rest = rest.slice(whole.length)
  }
  return Number.isInteger(seconds) ? seconds : undefined
}

/** `4 GB`, `512 MB` in MiB. Fargate's GB is 1,024 MiB. */
export function readMemory(text: string): number | Refusal {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*([GM])i?B$/i.exec(text.trim()) ?? []
  const mebibytes = Number(amount) * (unit.toUpperCase() === 'G' ? 1024 : 1)
  return Number.isInteger(mebibytes)
    ? mebibytes
    : refuse('is not a size of memory; write a number with its unit, e.g. 4 GB or 512 MB')
}

/** `50 GB` in GB. Fargate: 20 are included, 200 are the most. */
export function readDisk(text: string): number | Refusal {
  const gigabytes = Number(/^(\d+)\s*Gi?B$/i.exec(text.trim())?.[1])
  if (Number.isNaN(gigabytes)) return refuse('is not a size of disk; write whole GB, e.g. 50 GB')
  return gigabytes >= 20 && gigabytes <= 200
    ? gigabytes
    : refuse('is not allowed; Fargate gives 20 GB (included in the price) to 200 GB')
}

export function readTimezone(text: string): string | Refusal {
  if (isTimezone(text)) return text
  const near =
    suggest(text, timezones()) ??
    suggest(
      text,
      timezones().map(name => name.split('/').at(-1) ?? ''),
    )
  const whole = near && timezones().find(name => name === near || name.endsWith(`/${near}`))
  return refuse(
    `is not a time zone${whole ? `; did you mean "${whole}"?` : '; write an IANA name, e.g. Europe/Berlin, America/New_York or UTC'}`,
  )
}

export function readEmail(text: string): string | Refusal {
  return /^[^\s@"<>(),;:]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text) ? text : refuse('is not an e-mail address, e.g. data@example.com')
}

const SECRET_ARN = /^arn:aws[\w-]*:secretsmanager:[\w-]+:\d{12}:secret:[\w/+=.@-]+$/

/** `name`, `name#field`, or the full ARN instead of the name. A secret itself is refused with how to store it. */
export function readSecretRef(text: string): SecretRef | Refusal {
  const kind = secretKind(text)
  if (kind)
    return {
      ...refuse(`holds ${kind}; here goes the name of a secret. Store it: ${storeSecret('NAME')}, and write NAME here`),
      hide: true,
    }
  const [name = '', field, ...rest] = text.split('#')
  if (rest.length || field === '' || !(SECRET_ARN.test(name) || /^[\w/+=.@-]{1,512}$/.test(name)))
    return refuse('is not the name of a secret in AWS Secrets Manager; write name, name#field or its ARN')
  return { name, field: field ?? null }
}

export interface Repository {
  url: string
  kind: 'https' | 'ssh' | 'codecommit' | 'file'
}

/** The address of a git repository; what could carry a secret, or would send one in clear, is refused. */
export function readRepository(text: string): Repository | Refusal {
  if (/^https?:\/\/[^/]*@/i.test(text) || secretKind(text)) {
    const clean = text.replace(/^(https?:\/\/)[^/]*@/i, '$1')
    const where = secretKind(clean) ? '' : `; write ${clean} and`
    return {
      ...refuse(
        `holds credentials${where || '; take them out and'} store them: ${storeSecret('git-token')}, then credentials: { secret: git-token }`,
      ),
      hide: true,
    }
  }
  if (/^codecommit(::[a-z0-9-]+)?:\/\/[\w.-]+$/.test(text)) return { url: text, kind: 'codecommit' }
  const [, region, name] = /^https:\/\/git-codecommit\.([a-z0-9-]+)\.amazonaws\.com\/v1\/repos\/([\w.-]+)$/.exec(text) ?? []
  if (region)
    return refuse(
      `is CodeCommit over HTTPS; write codecommit::${region}://${name}, which uses the task's role and needs no secret`,
    )
  if (/^https:\/\/[\w.-]+(:\d+)?\/\S+$/i.test(text) || /^http:\/\/(localhost|127\.0\.0\.1)(:\d+)?\/\S+$/i.test(text))
    return { url: text, kind: 'https' }
  if (/^http:\/\//i.test(text)) return refuse(`would send the token in clear; write ${text.replace(/^http:/i, 'https:')}`)
  if (/^ssh:\/\/[\w.-]+@[\w.-]+(:\d+)?\/\S+$/i.test(text) || /^[\w.-]+@[\w.-]+:[^\s/]\S*$/.test(text))
    return { url: text, kind: 'ssh' }
  if (/^file:\/\/\/\S+$/i.test(text)) return { url: text, kind: 'file' }
  const short = /^(?:www\.)?((?:github|gitlab|bitbucket)\.\w+\/\S+)$/.exec(text)?.[1]
  return refuse(
    `is not the address of a git repository${short ? `; did you mean https://${short}?` : ' (https://…, git@host:path, codecommit::region://name, file:///path)'}`,
  )
}

/** How the runner gets at the repository; `secret` is what the user named. */
export function credentialsOf(repository: Repository, secret: SecretRef | undefined): ProjectConfig['credentials'] | Refusal {
  const { kind } = repository
  if (kind === 'codecommit' || kind === 'file')
    return secret
      ? refuse(`needs no secret for a ${kind} repository; take credentials out`)
      : { kind: kind === 'file' ? 'none' : 'codecommit' }
  if (secret) return { kind: kind === 'ssh' ? 'ssh' : 'token', secret }
  return kind === 'ssh'
    ? refuse('is missing; ssh needs a key: credentials: { secret: NAME }, the secret being the private key')
    : { kind: 'none' }
}

/** A folder inside the repository, normalised: `.`, `dbt`, `teams/finance`. */
export function readFolder(text: string): string | Refusal {
  const parts = text.split('/').filter(part => part && part !== '.')
  if (/^[/~]|^[a-z]:|\\/i.test(text))
    return refuse('is not a folder inside the repository; write it from the root of the repository, e.g. dbt or teams/finance')
  if (parts.includes('..')) return refuse('leaves the repository; write the folder from its root')
  return parts.join('/') || '.'
}

/** A branch by git's rules for names. */
export function readBranch(text: string): string | Refusal {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: git refuses them
  const bad = /^[-/]|[/.]$|\.\.|\/\/|@\{|[\s~^:?*[\\\x00-\x1f\x7f]|\.lock$/
  if (!text || bad.test(text)) return refuse('is not the name of a git branch')
  return /^refs\/heads\//.test(text) ? refuse(`is a ref; write ${text.slice(11)}`) : text
}

export const readImage = (text: string): string | Refusal =>
  /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/i.test(text)
    ? text
    : refuse('is not the address of an image, e.g. 123456789012.dkr.ecr.eu-central-1.amazonaws.com/dbt:1.2.0')

/** Ids and ARNs of AWS by their beginning. */
export const awsIdReader =
  (prefix: string) =>
  (text: string): string | Refusal =>
    new RegExp(`^${prefix}-[0-9a-f]{8,17}$`).test(text) ? text : refuse(`is not an id of AWS, e.g. ${prefix}-0123456789abcdef0`)

export const readPolicyArn = (text: string): string | Refusal =>
  /^arn:aws[\w-]*:iam::(\d{12}|aws):policy\/[\w+=,.@/-]+$/.test(text)
    ? text
    : refuse('is not the ARN of an IAM managed policy, e.g. arn:aws:iam::123456789012:policy/athena-read')

/** What CloudWatch Logs can keep, days. */
const LOG_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]

export function readLogRetention(text: string): number | Refusal {
  const days = readDays(text)
  if (typeof days !== 'number' || LOG_DAYS.includes(days)) return days
  const next = LOG_DAYS.find(each => each > days) ?? 3653
  return refuse(`is not kept by CloudWatch; the next it knows is ${next}d (${LOG_DAYS.slice(0, 13).join(', ')} … 3653 days)`)
}

export function readDays(text: string): number | Refusal {
  const seconds = durationReader('1d', '3653d')(text)
  if (typeof seconds !== 'number') return seconds
  return seconds % 86_400 === 0 ? seconds / 86_400 : refuse('is not a whole number of days, e.g. 90d')
}

/** dbt engines, and the adapters whose images exist for each (`container/requirements/`). */
export const ENGINES: Record<string, readonly string[]> = {
  'core-1.11': ['athena', 'bigquery', 'clickhouse', 'databricks', 'duckdb', 'postgres', 'redshift', 'snowflake', 'trino'],
  'core-1.12': ['athena', 'bigquery', 'clickhouse', 'databricks', 'duckdb', 'postgres', 'redshift', 'snowflake', 'trino'],
  'oss-2.0': ['duckdb'],
}

/** What whoever chooses an engine should know beforehand. */
export const ENGINE_NOTES: Readonly<Record<string, string>> = {
  'oss-2.0':
    'is an early release of dbt 2 (2.0.0a4, the last that PyPI has as wheels): it makes no docs and checks no freshness of sources. For a later one give dbt: { image: … } (docs/adapters.md)',
}

export function checkAdapter(engine: string, adapter: string): Refusal | undefined {
  const known = ENGINES[engine] ?? []
  if (known.includes(adapter)) return undefined
  return refuse(
    `is not an adapter with an image for ${engine}${meant(adapter.replace(/^dbt-/, ''), known)}. For another, give dbt: { image: … }`,
  )
}
