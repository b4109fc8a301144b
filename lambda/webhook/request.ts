/** A program without AWS credentials asks for a run of a job that lets it: signed with the secret of the job's trigger. */
import type { RequestOverride, TriggerConfig } from '../../shared/config-model.ts'
import { triggersOf } from '../../shared/config-trigger.ts'
import type { RunOverrides } from '../../shared/run.ts'
import { type Call, parseBody, type Reply, reply, UNSIGNED } from './call.ts'
import type { WebhookDeps } from './receive.ts'
import { isSignedAt, MAX_SKEW, parseSignature, SIGNATURE_HEADER } from './signature.ts'

type RequestTrigger = Extract<TriggerConfig, { kind: 'request' }>

/** Bytes; variables of dbt are the largest part. */
const MAX_REQUEST = 32 * 1024
const MAX_KEY = 200

export async function receiveRequest(deps: WebhookDeps, call: Call): Promise<Reply> {
  const signature = parseSignature(call.headers[SIGNATURE_HEADER])
  if (!signature) return UNSIGNED
  if (call.body.length > MAX_REQUEST) return reply(413, `The request is larger than ${MAX_REQUEST / 1024} KB.`)
  const body = parseBody(call.body) ?? {}
  const { jobs } = await deps.configs.load(deps.configs.current)
  const job = typeof body.job === 'string' && Object.hasOwn(jobs, body.job) ? jobs[body.job] : undefined
  const triggers = job ? triggersOf(job, 'request') : []
  let trigger: RequestTrigger | undefined
  for (const again of [false, true])
    for (const each of triggers)
      if (!trigger && isSignedAt(call.body, signature, await deps.secrets.read(each.secret, again))) trigger = each
  if (!trigger || typeof body.job !== 'string') return UNSIGNED

  const now = Math.round(deps.now().getTime() / 1000)
  if (Math.abs(now - signature.at) > MAX_SKEW)
    return reply(401, `The signature is of ${signature.at}, and it is ${now} here: more than ${MAX_SKEW} seconds apart.`)
  const { idempotencyKey } = body
  if (typeof idempotencyKey !== 'string' || !idempotencyKey || idempotencyKey.length > MAX_KEY)
    return reply(400, `idempotencyKey is missing, or longer than ${MAX_KEY} characters: one text for each run that is wanted.`)
  const overrides = readOverrides(body.overrides, trigger.overrides)
  if ('status' in overrides) return overrides
  return start(deps, body.job, trigger, idempotencyKey, overrides)
}

async function start(
  deps: WebhookDeps,
  job: string,
  trigger: RequestTrigger,
  idempotencyKey: string,
  overrides: RunOverrides,
): Promise<Reply> {
  const given = Object.keys(overrides).length > 0 && { overrides }
  const answer = await deps.launch({ kind: 'request', job, caller: trigger.secret.name, idempotencyKey, ...given })
  deps.log('request taken', { job, runId: answer.run, existed: answer.existed, secret: trigger.secret.name })
  const { run, status, reason, message = `Run ${run} of ${job}: ${status}.`, existed } = answer
  const refused = status === 'skipped' && !existed
  return reply(refused ? 409 : 200, message, { run, status, ...(reason && { reason }), existed })
}

const NAMES = { vars: 'vars', full_refresh: 'fullRefresh' } as const satisfies Record<RequestOverride, keyof RunOverrides>

/** What the trigger lets a request change, and nothing else. */
function readOverrides(given: unknown, allowed: readonly RequestOverride[]): RunOverrides | Reply {
  if (given === undefined || given === null) return {}
  if (typeof given !== 'object' || Array.isArray(given)) return reply(400, 'overrides: names and values are needed.')
  const value = given as Record<string, unknown>
  const names = allowed.map(each => NAMES[each])
  const other = Object.keys(value).find(key => !names.some(name => name === key))
  if (other !== undefined)
    return reply(
      403,
      `overrides.${other.slice(0, 50)}: the job does not let a request change it${names.length ? ` (only ${names.join(', ')})` : ''}. See \`overrides\` of its request trigger.`,
    )
  const { vars, fullRefresh } = value
  if (vars !== undefined && (typeof vars !== 'object' || vars === null || Array.isArray(vars)))
    return reply(400, 'overrides.vars: names and values are needed, as in {"day": "2027-01-31"}.')
  return {
    ...(vars !== undefined && { vars: vars as Record<string, unknown> }),
    ...(fullRefresh === true && { fullRefresh: true }),
  }
}
