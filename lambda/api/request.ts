/** Reads a request: the signed identity from the event, the operation from the body. */
import type { ApiRequest } from '../../shared/api.ts'
import { RUN_ID_PATTERN } from '../../shared/contract.ts'
import { UserError } from '../../shared/errors.ts'
import type { RunOverrides } from '../../shared/run.ts'

/** Bytes of a body; variables of dbt are the largest part. */
const MAX_BODY = 32 * 1024
const MAX = { steps: 50, line: 2000, key: 200, name: 200 } as const

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
    case 'retry': {
      const run = textOf(value.run, 'run', MAX.name)
      if (!RUN_ID_PATTERN.test(run))
        throw new UserError(`"${run}" is not the id of a run`, {
          hint: 'Run ids look like 20261122T010004-9f3ac2d1b7e4; see `tidemill runs`.',
        })
      return { operation: value.operation, run }
    }
    case 'pause':
    case 'resume':
      return { operation: value.operation, job: textOf(value.job, 'job', MAX.name) }
    default:
      throw new UserError(
        `operation ${JSON.stringify(value.operation)?.slice(0, 100) ?? 'missing'} is not known (run, cancel, retry, pause, resume)`,
      )
  }
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

const fieldsOf = (value: unknown) => (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UserError('the body is not JSON')
  }
}
