/** Transactions that change a run together with its places in job and environment: start, back to the line, end. */
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { fullName, OPEN, PK } from '../../shared/contract.ts'
import type { Attempt, RunRecord } from '../../shared/run.ts'
import { openSortOf } from '../../shared/run-item.ts'
import { type Dynamo, setFields, transact, writeInput } from './dynamo.ts'
import type { Store } from './store.ts'

/** Condition, with `:n`: the run is at its attempt of that number. */
export const isAttempt = (number: number) => `size(#attempts) = :n AND attribute_exists(#attempts[${number - 1}])`

export async function startAttempt(
  dynamo: Dynamo,
  run: RunRecord,
  attempt: Attempt,
  limits: { job: number; environment: number },
): ReturnType<Store['startAttempt']> {
  const free = '(attribute_not_exists(#running) OR size(#running) < :limit)'
  // A run between two attempts holds its places, also while its job or environment is paused.
  const holds = 'contains(#running, :id)'
  const take = (pk: string, limit: number, condition: string) =>
    writeInput(dynamo.table, {
      pk,
      update: 'ADD #running :ids',
      condition,
      values: { ids: new Set([run.id]), id: run.id, limit },
    })
  const notPaused = `${holds} OR (attribute_not_exists(#paused) AND ${free})`
  const job = PK.job(fullName(run.project, run.job))
  const environment = PK.environment(fullName(run.project, run.environment))
  const isPaused = async (pk: string) =>
    (await dynamo.client.send(new GetCommand({ TableName: dynamo.table, Key: { pk }, ConsistentRead: true }))).Item?.paused
  const failed = await transact(dynamo, [
    {
      Update: writeInput(dynamo.table, {
        pk: PK.run(run.id),
        update: 'SET #attempts = list_append(#attempts, :attempt), #status = :starting, #openSort = :sort REMOVE #notBefore',
        condition: '#status = :queued AND size(#attempts) = :n AND attribute_not_exists(#cancel)',
        values: { attempt: [attempt], starting: 'starting', queued: 'queued', n: attempt.number - 1, sort: OPEN.active(run.id) },
      }),
    },
    { Update: take(job, limits.job, notPaused) },
    { Update: take(environment, limits.environment, notPaused) },
  ])
  if (!failed) return 'started'
  const [runChanged, noJob, noEnvironment] = failed
  if (runChanged) return 'changed'
  if (noEnvironment && (await isPaused(environment))) return 'paused'
  if (noJob) return (await isPaused(job)) ? 'paused' : 'job-full'
  if (noEnvironment) return 'environment-full'
  throw new Error(`start of ${run.id} was refused for no reason`)
}

/** Gives the run's places in job and environment back. */
const giveBack = (dynamo: Dynamo, run: RunRecord) =>
  [PK.job(fullName(run.project, run.job)), PK.environment(fullName(run.project, run.environment))].map(pk => ({
    Update: writeInput(dynamo.table, { pk, update: 'DELETE #running :ids', values: { ids: new Set([run.id]) } }),
  }))

export async function requeue(dynamo: Dynamo, run: RunRecord, back: Parameters<Store['requeue']>[1]): Promise<boolean> {
  const last = run.attempts.length - 1
  const fields = setFields({ ...back, status: 'queued', openSort: OPEN.waiting(run) })
  const change = writeInput(dynamo.table, {
    pk: PK.run(run.id),
    update: `SET ${fields.set.join(', ')} REMOVE #attempts[${last}]`,
    condition: `${isAttempt(last + 1)} AND #status = :starting AND attribute_not_exists(#attempts[${last}].#taskArn)`,
    values: { ...fields.values, starting: 'starting', n: last + 1 },
  })
  return !(await transact(dynamo, [{ Update: change }, ...giveBack(dynamo, run)]))
}

export async function freePlaces(dynamo: Dynamo, id: string, of: { job: string; environment: string }): Promise<boolean> {
  const condition = 'attribute_not_exists(pk) OR NOT #status IN (:queued, :starting, :running)'
  const over = {
    TableName: dynamo.table,
    Key: { pk: PK.run(id) },
    ConditionExpression: condition,
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: { ':queued': 'queued', ':starting': 'starting', ':running': 'running' },
  }
  const free = [PK.job(of.job), PK.environment(of.environment)].map(pk => ({
    Update: writeInput(dynamo.table, { pk, update: 'DELETE #running :ids', values: { ids: new Set([id]) } }),
  }))
  return !(await transact(dynamo, [{ ConditionCheck: over }, ...free]))
}

export async function endRun(
  dynamo: Dynamo,
  run: RunRecord,
  expected: Parameters<Store['endRun']>[1],
  ended: RunRecord,
): Promise<boolean> {
  const { status, reason, message, startedAt, endedAt, effects, attempts, cancel } = ended
  const { commit, dbtVersion, counts, steps, failures, peakMemoryBytes, artifactsIncomplete, docsUploaded, docsAttempt } = ended
  const findings = {
    commit,
    dbtVersion,
    counts,
    steps,
    failures,
    peakMemoryBytes,
    artifactsIncomplete,
    docsUploaded,
    docsAttempt,
  }
  const openSort = openSortOf(ended)
  const fields = setFields({
    status,
    reason,
    message,
    startedAt,
    endedAt,
    cancel,
    openSort,
    effects: new Set(effects),
    ...findings,
  })
  const last = attempts.length - 1
  const closes = last >= 0 && !run.attempts[last]?.outcome
  const {
    number: _,
    planKey: __,
    taskArn: ___,
    runTaskInput: ____,
    planSha256: _____,
    ...closing
  } = attempts[last] ?? ({} as Attempt)
  const attempt = closes ? setFields(closing, `#attempts[${last}].`) : { set: [], values: {} }
  const statuses = Object.fromEntries(expected.statuses.map((name, index) => [`e${index}`, name]))
  const conditions = [
    `#status IN (${Object.keys(statuses).map(name => `:${name}`)})`,
    'size(#attempts) = :n',
    ...(closes ? [`attribute_not_exists(#attempts[${last}].#outcome)`] : []),
  ]
  const change = writeInput(dynamo.table, {
    pk: PK.run(run.id),
    update: `SET ${[...fields.set, ...attempt.set].join(', ')} REMOVE #notBefore`,
    condition: conditions.join(' AND '),
    values: { ...fields.values, ...attempt.values, ...statuses, n: expected.attempts },
  })
  return !(await transact(dynamo, [{ Update: change }, ...giveBack(dynamo, run)]))
}
