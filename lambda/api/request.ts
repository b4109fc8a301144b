/** Reads a request: the signed identity from the event, the operation from the body. */
import { type ApiRequest, type BackfillRequest, MESSAGES_PER_REQUEST, SLICES_PER_REQUEST } from '../../shared/api.ts'
import { RUN_ID_PATTERN } from '../../shared/contract.ts'
import { UserError } from '../../shared/errors.ts'
import { fieldsOf } from '../../shared/fields.ts'
import type { RunOverrides } from '../../shared/run.ts'
import { isTimezone } from '../../shared/schedule-zone.ts'

/** Bytes of a body; variables of dbt are the largest part. */
const MAX_BODY = 32 * 1024
const MAX = { steps: 50, line: 2000, key: 200, name: 200, concurrency: 50, messageKey: 1024 } as const

/** Undefined: the caller was not identified. A Function URL with AWS_IAM always does. */
export function actorOf(event: unknown): string | undefined {
  const iam = fieldsOf(fieldsOf(fieldsOf(fieldsOf(event).requestContext).authorizer).iam)
  return typeof iam.userArn === 'string' && iam.userArn ? iam.userArn.slice(0, 512) : undefined
}

/** Throws {@link UserError} on what is no request. */
export function parseRequest(event: unknown): ApiRequest {
  const { body, isBase64Encoded } = fieldsOf(event)
  const text = typeof body === 'string' ? Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8').toString('utf8') : ''
  if (Buffer.byteLength(text) > MAX_BODY) throw new UserError(`the request is larger than ${MAX_BODY / 1024} KB`)
  const value = fieldsOf(parseJson(text))
  switch (value.operation) {
    case 'run': {
      const overrides = parseOverrides(value.overrides)
      const idempotencyKey = textOf(value.idempotencyKey, 'idempotencyKey', MAX.key)
      return { operation: 'run', job: textOf(value.job, 'job', MAX.name), idempotencyKey, ...(overrides && { overrides }) }
    }
    case 'cancel':
    case 'retry':
      return { operation: value.operation, run: runOf(value.run) }
    case 'rerun': {
      const idempotencyKey = textOf(value.idempotencyKey, 'idempotencyKey', MAX.key)
      return { operation: 'rerun', run: runOf(value.run), idempotencyKey, ...(value.exact === true && { exact: true }) }
    }
    case 'backfill':
      return parseBackfill(value)
    case 'pause':
    case 'resume':
      return value.environment === undefined
        ? { operation: value.operation, job: textOf(value.job, 'job', MAX.name) }
        : { operation: value.operation, environment: textOf(value.environment, 'environment', MAX.name) }
    case 'rebuild':
      return parseRebuild(value)
    case 'notify':
      return { operation: 'notify', ...(value.messages !== undefined && { messages: messagesOf(value.messages) }) }
    case 'whoami':
      return { operation: 'whoami' }
    default:
      throw new UserError(
        `operation ${JSON.stringify(value.operation)?.slice(0, 100) ?? 'missing'} is not known (${OPERATIONS.join(', ')})`,
      )
  }
}

const OPERATIONS: ApiRequest['operation'][] = [
  'run',
  'cancel',
  'retry',
  'rerun',
  'rebuild',
  'backfill',
  'pause',
  'resume',
  'notify',
  'whoami',
]

function messagesOf(value: unknown): string[] {
  const keys = Array.isArray(value) ? value : []
  const fits = keys.every(key => typeof key === 'string' && key.startsWith('MSG#') && key.length <= MAX.messageKey)
  if (fits && keys.length > 0 && keys.length <= MESSAGES_PER_REQUEST) return [...new Set<string>(keys)]
  throw new UserError(`messages is not a list of 1 to ${MESSAGES_PER_REQUEST} keys of messages`)
}

/** For the trail, of a request that was refused unread: what it says of itself, cut. */
export function namesOf(event: unknown): { operation: string; subject: string } {
  const { body, isBase64Encoded } = fieldsOf(event)
  const text = typeof body === 'string' ? Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8').toString('utf8') : ''
  let value: Record<string, unknown> = {}
  try {
    value = fieldsOf(JSON.parse(text.slice(0, MAX_BODY)))
  } catch {
    // Then it names nothing.
  }
  const short = (field: unknown) => (typeof field === 'string' ? field.slice(0, MAX.name) : '')
  const subject = [value.run, value.job, value.environment].map(short).find(Boolean) ?? ''
  return { operation: short(value.operation) || 'unreadable', subject }
}

function runOf(value: unknown): string {
  const run = textOf(value, 'run', MAX.name)
  if (RUN_ID_PATTERN.test(run)) return run
  throw new UserError(`"${run}" is not the id of a run`, {
    hint: 'Run ids look like 20261122T010004-9f3ac2d1b7e4; see `tidemill runs`.',
  })
}

function parseRebuild(value: Record<string, unknown>): ApiRequest {
  const day = (name: 'from' | 'to') => {
    const given = value[name]
    if (given === undefined) return {}
    if (typeof given === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(given) && !Number.isNaN(Date.parse(given)))
      return { [name]: given }
    throw new UserError(`${name}: a day is needed, as in 2027-01-31`)
  }
  return { operation: 'rebuild', ...day('from'), ...day('to') }
}

function parseBackfill(value: Record<string, unknown>): BackfillRequest {
  const { concurrency, slices } = value
  if (typeof concurrency !== 'number' || !Number.isInteger(concurrency) || concurrency < 1 || concurrency > MAX.concurrency)
    throw new UserError(`concurrency: a whole number from 1 to ${MAX.concurrency} is needed`)
  if (!Array.isArray(slices) || slices.length === 0 || slices.length > SLICES_PER_REQUEST)
    throw new UserError(`slices: 1 to ${SLICES_PER_REQUEST} are needed in one request`)
  const backfill = textOf(value.backfill, 'backfill', MAX.key)
  if (!/^[\w.-]+$/.test(backfill)) throw new UserError('backfill: only letters, digits, `-`, `_` and `.` are allowed')
  const timezone = value.timezone === undefined ? undefined : textOf(value.timezone, 'timezone', MAX.name)
  if (timezone !== undefined && !isTimezone(timezone)) throw new UserError(`timezone: "${timezone}" is not a time zone`)
  return {
    operation: 'backfill',
    job: textOf(value.job, 'job', MAX.name),
    backfill,
    concurrency,
    ...(timezone && { timezone }),
    slices: slices.map((each, index) => parseSlice(fieldsOf(each), `slices[${index}]`)),
  }
}

function parseSlice(value: Record<string, unknown>, name: string): BackfillRequest['slices'][number] {
  const [start, end] = [timeOf(value.start, `${name}.start`), timeOf(value.end, `${name}.end`)]
  if (start >= end) throw new UserError(`${name}: its end is not after its start`)
  const overrides = parseOverrides(value.overrides)
  return { start, end, ...(overrides && { overrides }) }
}

/** In the one form that makes it comparable, and the same slice the same cause. */
function timeOf(value: unknown, name: string): string {
  const time = new Date(textOf(value, name, 40))
  if (Number.isNaN(time.getTime())) throw new UserError(`${name} is not a time in ISO 8601`)
  return time.toISOString()
}

function parseOverrides(given: unknown): RunOverrides | undefined {
  if (given === undefined || given === null) return undefined
  const value = fieldsOf(given)
  const known = ['steps', 'branch', 'commit', 'fullRefresh', 'vars']
  const unknown = Object.keys(value).filter(key => !known.includes(key))
  if (unknown.length) throw new UserError(`overrides: unknown ${unknown.join(', ').slice(0, 200)} (${known.join(', ')})`)
  const overrides: RunOverrides = {
    ...(value.steps !== undefined && { steps: parseLines(value.steps) }),
    ...(value.branch !== undefined && { branch: parseBranch(value.branch) }),
    ...(value.commit !== undefined && { commit: parseCommit(value.commit) }),
    ...(value.fullRefresh === true && { fullRefresh: true }),
    ...(value.vars !== undefined && { vars: parseVars(value.vars) }),
  }
  return Object.keys(overrides).length ? overrides : undefined
}

function parseLines(value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX.steps)
    throw new UserError(`overrides.steps: 1 to ${MAX.steps} dbt command lines are needed`)
  return value.map((line, index) => textOf(line, `overrides.steps[${index}]`, MAX.line))
}

/** What git takes as a branch and nobody can take for a flag or another ref. */
function parseBranch(value: unknown): string {
  const branch = textOf(value, 'overrides.branch', MAX.name)
  if (!/^[\w][\w./+@#=-]*$/.test(branch) || /\.\.|@\{|\/\/|\.lock$|\/$/.test(branch))
    throw new UserError(`overrides.branch: "${branch}" is not the name of a branch`)
  return branch
}

function parseCommit(value: unknown): string {
  const commit = textOf(value, 'overrides.commit', 64)
  if (!/^[0-9a-f]{7,64}$/i.test(commit))
    throw new UserError(`overrides.commit: "${commit}" is not a commit hash (7 to 64 hexadecimal digits)`)
  return commit.toLowerCase()
}

function parseVars(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UserError('overrides.vars: names and values are needed, as in {"day": "2027-01-31"}')
  return value as Record<string, unknown>
}

function textOf(value: unknown, name: string, max: number): string {
  if (typeof value !== 'string' || !value.trim()) throw new UserError(`${name} is missing`)
  if (value.length > max) throw new UserError(`${name} is longer than ${max} characters`)
  return value
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UserError('the body is not JSON')
  }
}
