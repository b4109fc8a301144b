/** The store on DynamoDB: runs, jobs and their limits, messages. Conditions are as design and `store.ts` say. */
import { createHash } from 'node:crypto'
import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
import { auditDayKey, fullName, OPEN, openKey, PK, SCHEMA_VERSION, shardOf } from '../../shared/contract.ts'
import type { Attempt, RunRecord } from '../../shared/run.ts'
import { itemOfRun, openSortOf, runOfItem } from '../../shared/run-item.ts'
import { type Dynamo, isNamed, setFields, transact, update, writeInput } from './dynamo.ts'
import { makeLeaseStore } from './dynamo-lease.ts'
import { batchGet, queryOpen } from './dynamo-read.ts'
import { countStreak } from './dynamo-streak.ts'
import { type JobState, OPEN_STATUSES, type Store } from './store.ts'

export function makeDynamoStore(client: DynamoDBDocumentClient, table: string): Store {
  const dynamo: Dynamo = { client, table }
  const get = async (pk: string) =>
    (await client.send(new GetCommand({ TableName: table, Key: { pk }, ConsistentRead: true }))).Item
  const run = async (id: string) => {
    const item = await get(PK.run(id))
    return item && runOfItem(item)
  }
  return {
    run,
    claim: record => claim(dynamo, get, record),
    async runs(ids) {
      return (await batchGet(dynamo, ids.map(PK.run))).map(runOfItem)
    },
    async causesWithoutRun(causes) {
      const found = new Set((await batchGet(dynamo, causes.map(causeKey))).map(item => item.pk))
      return causes.filter(cause => !found.has(causeKey(cause)))
    },
    job: async name => jobState((await get(PK.job(name))) ?? {}),
    open: phase => queryOpen(dynamo, phase),

    startAttempt: (record, attempt, limits) => startAttempt(dynamo, record, attempt, limits),
    requeue: (record, back) => requeue(dynamo, record, back).then(done => (done ? run(record.id) : undefined)),
    noteTask: (id, number, taskArn) =>
      changeRun(dynamo, id, {
        update: `SET #attempts[${number - 1}].#taskArn = :task`,
        condition: `${isAttempt(number)} AND (attribute_not_exists(#attempts[${number - 1}].#taskArn) OR #attempts[${number - 1}].#taskArn = :task)`,
        values: { task: taskArn, n: number },
      }),
    noteRunning: (id, number, at) =>
      changeRun(dynamo, id, {
        update: `SET #status = :running, #startedAt = if_not_exists(#startedAt, :at), #attempts[${number - 1}].#startedAt = :at, #attempts[${number - 1}].#eventVersion = :version`,
        condition: `${isAttempt(number)} AND #status = :starting`,
        values: { n: number, running: 'running', starting: 'starting', at: at.startedAt, version: at.eventVersion },
      }),
    noteTimedOut: (id, number, at) =>
      changeRun(dynamo, id, {
        update: 'SET #timedOutAt = if_not_exists(#timedOutAt, :at)',
        condition: `${isAttempt(number)} AND ${isOpen}`,
        values: { n: number, at, ...openValues },
      }),
    askCancel: (id, cancel) =>
      changeRun(dynamo, id, {
        update: 'SET #cancel = if_not_exists(#cancel, :cancel)',
        condition: isOpen,
        values: { cancel, ...openValues },
      }),
    nextAttempt(record, end, next) {
      const last = record.attempts.length - 1
      const attempt = setFields(end, `#attempts[${last}].`)
      const fields = setFields({ ...next, status: 'queued', launchTries: 0, openSort: OPEN.waiting(record) })
      return changeRun(dynamo, record.id, {
        update: `SET ${[...attempt.set, ...fields.set].join(', ')}`,
        condition: `${isAttempt(last + 1)} AND #status IN (:starting, :active) AND attribute_not_exists(#attempts[${last}].#outcome) AND attribute_not_exists(#cancel)`,
        values: { ...attempt.values, ...fields.values, n: last + 1, starting: 'starting', active: 'running' },
      })
    },
    endRun: (record, expected, ended) =>
      endRun(dynamo, record, expected, ended).then(done => (done ? run(record.id) : undefined)),

    async effectDone(id, effect) {
      const left = await update(dynamo, { pk: PK.run(id), update: 'DELETE #effects :done', values: { done: new Set([effect]) } })
      if (left && !left.effects)
        await update(dynamo, {
          pk: PK.run(id),
          update: 'REMOVE #openKey, #openSort',
          condition: 'attribute_not_exists(#effects) AND NOT #status IN (:s0, :s1, :s2)',
          values: openValues,
        })
    },
    countStreak: (record, failed) =>
      countStreak(dynamo, { run, job: async name => jobState((await get(PK.job(name))) ?? {}) }, record, failed),
    putMessage: message =>
      putNew(dynamo, { ...message, openKey: openKey(shardOf(message.runId)), openSort: OPEN.message(message.createdAt) }),
    async pause(job, by) {
      const change = by ? { update: 'SET #paused = :by', values: { by } } : { update: 'REMOVE #paused' }
      await update(dynamo, { pk: PK.job(job), ...change })
    },
    async audit(entry) {
      await putNew(dynamo, {
        pk: PK.audit(entry.id),
        schemaVersion: SCHEMA_VERSION,
        dayKey: auditDayKey(entry.at.slice(0, 10)),
        ...entry,
      })
    },
    lease: makeLeaseStore(dynamo),
    sweep: {
      async read() {
        const item = await get(PK.sweep)
        return item && { checkedUntil: item.checkedUntil, configs: item.configs }
      },
      async write(state) {
        await client.send(new PutCommand({ TableName: table, Item: { pk: PK.sweep, schemaVersion: SCHEMA_VERSION, ...state } }))
      },
    },
  }
}

const causeKey = (cause: string) => PK.cause(createHash('sha256').update(cause).digest('hex'))
const openValues = Object.fromEntries(OPEN_STATUSES.map((status, index) => [`s${index}`, status]))
const isOpen = '#status IN (:s0, :s1, :s2)'
const isAttempt = (number: number) => `size(#attempts) = :n AND attribute_exists(#attempts[${number - 1}])`

function jobState(item: Record<string, unknown>): JobState {
  const { running, paused, streak } = item as { running?: Set<string> } & Pick<JobState, 'paused' | 'streak'>
  return { running: [...(running ?? [])], ...(paused && { paused }), ...(streak && { streak }) }
}

async function changeRun(dynamo: Dynamo, id: string, write: Omit<Parameters<typeof update>[1], 'pk'>) {
  const item = await update(dynamo, { pk: PK.run(id), ...write })
  return item && runOfItem(item)
}

async function putNew({ client, table }: Dynamo, item: Record<string, unknown>): Promise<boolean> {
  try {
    await client.send(new PutCommand({ TableName: table, Item: item, ConditionExpression: 'attribute_not_exists(pk)' }))
    return true
  } catch (error) {
    if (isNamed(error, 'ConditionalCheckFailedException')) return false
    throw error
  }
}

async function claim(
  dynamo: Dynamo,
  get: (pk: string) => Promise<Record<string, unknown> | undefined>,
  record: RunRecord,
): ReturnType<Store['claim']> {
  const isNew = 'attribute_not_exists(pk)'
  const cause = { pk: causeKey(record.causeString), schemaVersion: SCHEMA_VERSION, cause: record.causeString, run: record.id }
  const failed = await transact(dynamo, [
    { Put: { TableName: dynamo.table, Item: cause, ConditionExpression: isNew } },
    { Put: { TableName: dynamo.table, Item: itemOfRun(record), ConditionExpression: isNew } },
  ])
  if (!failed) return { claimed: true }
  const winner = await get(cause.pk)
  if (winner?.cause !== record.causeString)
    throw new Error(
      `run ${record.id} cannot be claimed: its id or the hash of "${record.causeString}" is taken by "${winner?.cause}"`,
    )
  return winner.run === record.id ? { claimed: true } : { claimed: false, run: String(winner.run) }
}

async function startAttempt(
  dynamo: Dynamo,
  run: RunRecord,
  attempt: Attempt,
  limits: { job: number; environment: number },
): ReturnType<Store['startAttempt']> {
  const free = '(attribute_not_exists(#running) OR size(#running) < :limit)'
  // A run between two attempts holds its place, also while its job is paused.
  const holds = 'contains(#running, :id)'
  const take = (pk: string, limit: number, condition: string) =>
    writeInput(dynamo.table, {
      pk,
      update: 'ADD #running :ids',
      condition,
      values: { ids: new Set([run.id]), id: run.id, limit },
    })
  const job = PK.job(fullName(run.project, run.job))
  const failed = await transact(dynamo, [
    {
      Update: writeInput(dynamo.table, {
        pk: PK.run(run.id),
        update: 'SET #attempts = list_append(#attempts, :attempt), #status = :starting, #openSort = :sort REMOVE #notBefore',
        condition: '#status = :queued AND size(#attempts) = :n AND attribute_not_exists(#cancel)',
        values: { attempt: [attempt], starting: 'starting', queued: 'queued', n: attempt.number - 1, sort: OPEN.active(run.id) },
      }),
    },
    { Update: take(job, limits.job, `${holds} OR (attribute_not_exists(#paused) AND ${free})`) },
    { Update: take(PK.environment(fullName(run.project, run.environment)), limits.environment, `${holds} OR ${free}`) },
  ])
  if (!failed) return 'started'
  const [runChanged, noJob, noEnvironment] = failed
  if (runChanged) return 'changed'
  if (noJob) {
    const item = await dynamo.client.send(new GetCommand({ TableName: dynamo.table, Key: { pk: job }, ConsistentRead: true }))
    return item.Item?.paused ? 'paused' : 'job-full'
  }
  if (noEnvironment) return 'environment-full'
  throw new Error(`start of ${run.id} was refused for no reason`)
}

/** Gives the run's places in job and environment back. */
const giveBack = (dynamo: Dynamo, run: RunRecord) =>
  [PK.job(fullName(run.project, run.job)), PK.environment(fullName(run.project, run.environment))].map(pk => ({
    Update: writeInput(dynamo.table, { pk, update: 'DELETE #running :ids', values: { ids: new Set([run.id]) } }),
  }))

async function requeue(dynamo: Dynamo, run: RunRecord, back: Parameters<Store['requeue']>[1]): Promise<boolean> {
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

async function endRun(
  dynamo: Dynamo,
  run: RunRecord,
  expected: Parameters<Store['endRun']>[1],
  ended: RunRecord,
): Promise<boolean> {
  const { status, reason, message, startedAt, endedAt, effects, attempts, cancel } = ended
  const { commit, dbtVersion, counts, steps, failures, peakMemoryBytes, artifactsIncomplete, docsUploaded } = ended
  const findings = { commit, dbtVersion, counts, steps, failures, peakMemoryBytes, artifactsIncomplete, docsUploaded }
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
