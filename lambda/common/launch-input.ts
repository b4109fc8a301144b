/** Reads what the launcher is called with. All of it is outside data: checked, and bounded before it is kept. */
import type { Cause, EventCause } from '../../shared/cause.ts'
import { UserError } from '../../shared/errors.ts'
import { type Fields, fieldsOf } from '../../shared/fields.ts'
import type { CodeCommitInput, LaunchInput } from '../../shared/launch-input.ts'
import { LIMIT } from '../../shared/run.ts'

const MAX = { id: 128, name: 256, key: 1024, branch: 255 } as const

/** Throws {@link UserError} on what is no input of ours: whoever called then puts it into the dead-letter queue. */
export function parseLaunchInput(input: unknown): LaunchInput {
  const value = fieldsOf(input)
  const { kind } = value
  const job = () => textOf(value, 'job')
  switch (kind) {
    case 'schedule':
      return { kind, job: job(), schedule: textOf(value, 'schedule'), scheduledFor: timeOf(value.scheduledFor) }
    case 'event':
      return { kind, job: job(), trigger: textOf(value, 'trigger'), event: value.event }
    case 'codecommit':
      return { kind, job: job(), event: value.event }
    case 'commit':
      return {
        kind,
        job: job(),
        branch: textOf(value, 'branch', MAX.branch),
        sha: shaOf(value.sha),
        eventId: textOf(value, 'eventId', MAX.id),
      }
    case 'request': {
      const overrides = value.overrides === undefined ? {} : { overrides: fieldsOf(value.overrides) }
      const idempotencyKey = textOf(value, 'idempotencyKey')
      return { kind, job: job(), caller: textOf(value, 'caller', 512), idempotencyKey, ...overrides }
    }
    default:
      throw new UserError('input is not one of schedule, event, codecommit, commit, request with a job')
  }
}

/** The cause of an event of EventBridge. */
export function causeOfEvent(trigger: string, event: unknown): EventCause {
  const value = fieldsOf(event)
  const detail = fieldsOf(value.detail)
  const json = JSON.stringify(value.detail ?? {})
  const source = textOf(value, 'source')
  const object = source === 'aws.s3' ? objectOf(detail) : undefined
  return {
    kind: 'event',
    trigger,
    eventId: textOf(value, 'id', MAX.id),
    source,
    detailType: textOf(value, 'detail-type'),
    time: timeOf(value.time),
    ...(json.length <= LIMIT.eventDetail && { detail: json }),
    detailBytes: Buffer.byteLength(json),
    ...(object && { object }),
  }
}

function objectOf(detail: Fields): EventCause['object'] {
  const { name: bucket } = fieldsOf(detail.bucket)
  const { key, 'version-id': version, sequencer } = fieldsOf(detail.object)
  if (typeof bucket !== 'string' || typeof key !== 'string') return undefined
  return {
    bucket: bucket.slice(0, MAX.name),
    key: key.slice(0, MAX.key),
    ...(typeof version === 'string' && { version: version.slice(0, MAX.name) }),
    ...(typeof sequencer === 'string' && { sequencer: sequencer.slice(0, MAX.id) }),
  }
}

/** "CodeCommit Repository State Change" of a branch. */
export function pushOfCodeCommit({
  event,
}: CodeCommitInput): Pick<Extract<Cause, { kind: 'commit' }>, 'sha' | 'eventId'> & { branch: string } {
  const value = fieldsOf(event)
  const detail = fieldsOf(value.detail)
  return {
    branch: textOf(detail, 'referenceName', MAX.branch),
    sha: shaOf(detail.commitId),
    eventId: textOf(value, 'id', MAX.id),
  }
}

function textOf(fields: Fields, name: string, max: number = MAX.name): string {
  const value = fields[name]
  if (typeof value !== 'string' || !value) throw new UserError(`input has no ${name}`)
  if (value.length > max) throw new UserError(`${name} of the input is longer than ${max} characters`)
  return value
}

function shaOf(value: unknown): string {
  if (typeof value !== 'string' || !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(value))
    throw new UserError('input has no full commit hash')
  return value
}

function timeOf(value: unknown): string {
  const at = typeof value === 'string' ? new Date(value) : undefined
  if (!at || Number.isNaN(at.getTime())) throw new UserError('input has no time in ISO 8601')
  return at.toISOString()
}
