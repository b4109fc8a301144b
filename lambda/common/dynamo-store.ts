/** The store on DynamoDB: runs, jobs and their limits, messages. Conditions are as design and `store.ts` say. */
import { createHash } from 'node:crypto'
import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
import { auditDayKey, OPEN, openKey, PK, SCHEMA_VERSION, shardOf } from '../../shared/contract.ts'
import { forgottenAt, LEAST_DAYS_OF_CAUSE } from '../../shared/retention.ts'
import type { RunRecord } from '../../shared/run.ts'
import { itemOfRun, runOfItem } from '../../shared/run-item.ts'
import { type Dynamo, putNew, setFields, transact, update } from './dynamo.ts'
import { makeCompactLease } from './dynamo-compact.ts'
import { makeDeploymentStore } from './dynamo-deployments.ts'
import { makeFanInStore } from './dynamo-fan-in.ts'
import { makeLeaseStore } from './dynamo-lease.ts'
import { endRun, freePlaces, isAttempt, requeue, startAttempt } from './dynamo-places.ts'
import { batchGet, queryDay, queryOpen } from './dynamo-read.ts'
import { countStreak } from './dynamo-streak.ts'
import { makeRunsBefore } from './runs-before.ts'
import { type JobState, LEFT_OF_END, OPEN_STATUSES, type Paused, type Store } from './store.ts'

export function makeDynamoStore(client: DynamoDBDocumentClient, table: string): Store {
  const dynamo: Dynamo = { client, table }
  const get = async (pk: string) =>
    (await client.send(new GetCommand({ TableName: table, Key: { pk }, ConsistentRead: true }))).Item
  const runs = async (ids: readonly string[]) => (await batchGet(dynamo, ids.map(PK.run))).map(runOfItem)
  const run = async (id: string) => {
    const item = await get(PK.run(id))
    return item && runOfItem(item)
  }
  return {
    run,
    claim: record => claim(dynamo, get, record),
    runs,
    idsOfDay: date => queryDay(dynamo, date),
    runsBefore: makeRunsBefore(dynamo, { runs }),
    async runsOfCauses(causes) {
      return runs((await batchGet(dynamo, causes.map(causeKey))).map(item => String(item.run)))
    },
    async causesWithoutRun(causes) {
      const found = new Set((await batchGet(dynamo, causes.map(causeKey))).map(item => item.pk))
      return causes.filter(cause => !found.has(causeKey(cause)))
    },
    job: async name => jobState((await get(PK.job(name))) ?? {}),
    open: phase => queryOpen(dynamo, phase),
    async environment(name) {
      const { running, paused } = jobState((await get(PK.environment(name))) ?? {})
      return { running, ...(paused && { paused }) }
    },

    startAttempt: (record, attempt, limits) => startAttempt(dynamo, record, attempt, limits),
    requeue: (record, back) => requeue(dynamo, record, back).then(done => (done ? run(record.id) : undefined)),
    noteTask: (id, number, taskArn) =>
      changeRun(dynamo, id, {
        update: `SET #attempts[${number - 1}].#taskArn = :task`,
        condition: `${isAttempt(number)} AND (attribute_not_exists(#attempts[${number - 1}].#taskArn) OR #attempts[${number - 1}].#taskArn = :task)`,
        values: { task: taskArn, n: number },
      }),
    noteNoAnswer: (id, number, words) =>
      changeRun(dynamo, id, {
        update: 'SET #lastLaunchError = :words, #launchTries = #launchTries + :one',
        condition: `${isAttempt(number)} AND #status = :starting AND attribute_not_exists(#attempts[${number - 1}].#taskArn)`,
        values: { n: number, words, one: 1, starting: 'starting' },
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
        update: `SET ${[...attempt.set, ...fields.set].join(', ')} REMOVE #timedOutAt`,
        condition: `${isAttempt(last + 1)} AND #status IN (:starting, :active) AND attribute_not_exists(#attempts[${last}].#outcome) AND attribute_not_exists(#cancel)`,
        values: { ...attempt.values, ...fields.values, n: last + 1, starting: 'starting', active: 'running' },
      })
    },
    reopen(record, retry, startBy) {
      const fields = setFields({
        status: 'queued',
        launchTries: 0,
        startBy,
        retries: [...(record.retries ?? []), retry],
        openKey: openKey(shardOf(record.id)),
        openSort: OPEN.waiting(record),
        ...(record.expiresAt !== undefined && { expiresAt: Math.max(record.expiresAt, forgottenAt(retry.at, 0)) }),
      })
      return changeRun(dynamo, record.id, {
        update: `SET ${fields.set.join(', ')} REMOVE ${LEFT_OF_END.map(name => `#${name}`).join(', ')}`,
        condition: `#status IN (:error, :cancelled) AND size(#attempts) = :n AND #endedAt = :ended AND attribute_not_exists(#effects)`,
        values: { ...fields.values, error: 'error', cancelled: 'cancelled', n: record.attempts.length, ended: record.endedAt },
      })
    },
    async rememberSize(job, size) {
      await update(dynamo, { pk: PK.job(job), update: 'SET #size = :size', values: { size } })
    },
    async forgetSize(job) {
      await update(dynamo, { pk: PK.job(job), update: 'REMOVE #size', condition: 'attribute_exists(pk)' })
    },
    freePlaces: (id, of) => freePlaces(dynamo, id, of),
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
    countStreak: (record, failed, deactivateAfter, heard) =>
      countStreak(
        dynamo,
        { run, job: async name => jobState((await get(PK.job(name))) ?? {}) },
        record,
        failed,
        deactivateAfter,
        heard,
      ),
    // What waits for the end of quiet hours is due from then on.
    putMessage: message =>
      putNew(dynamo, {
        ...message,
        openKey: openKey(shardOf(message.runId)),
        openSort: OPEN.message(message.leaseUntil ?? message.createdAt),
      }),
    async resendMessage(pk, now) {
      const [, run = ''] = /^MSG#([^/]+)/.exec(pk) ?? []
      const open = { openKey: openKey(shardOf(run)), openSort: OPEN.message(now) }
      const set = 'SET #state = :pending, #tries = :none, #openKey = :openKey, #openSort = :openSort'
      return !!(await update(dynamo, {
        pk,
        update: `${set} REMOVE #jobKey, #id, #failedAt, #firstTryAt, #leaseUntil, #lastError`,
        condition: '#state = :failed',
        values: { pending: 'pending', failed: 'failed', none: 0, ...open },
      }))
    },
    async noteIncident(job, target, open) {
      const change = `${open ? 'ADD' : 'DELETE'} #incidents :target`
      await update(dynamo, { pk: PK.job(job), update: change, values: { target: new Set([target]) } })
    },
    async noteLate(id, at) {
      await changeRun(dynamo, id, {
        update: 'SET #lateAt = if_not_exists(#lateAt, :at)',
        condition: isOpen,
        values: { at, ...openValues },
      })
    },
    async pause(job, by) {
      await update(dynamo, { pk: PK.job(job), ...pausing(by) })
    },
    async pauseEnvironment(environment, by) {
      await update(dynamo, { pk: PK.environment(environment), ...pausing(by) })
    },
    async audit(entry) {
      await putNew(dynamo, {
        pk: PK.audit(entry.id),
        schemaVersion: SCHEMA_VERSION,
        dayKey: auditDayKey(entry.at.slice(0, 10)),
        ...entry,
      })
    },
    ...makeFanInStore(dynamo),
    ...makeDeploymentStore(dynamo),
    lease: makeLeaseStore(dynamo),
    compactLease: makeCompactLease(dynamo),
    sweep: {
      async read() {
        const item = await get(PK.sweep)
        if (!item) return undefined
        const { checkedUntil, tasksFrom, compacted } = item
        return { checkedUntil, ...(tasksFrom && { tasksFrom }), ...(compacted && { compacted }) }
      },
      async write(state) {
        await client.send(new PutCommand({ TableName: table, Item: { pk: PK.sweep, schemaVersion: SCHEMA_VERSION, ...state } }))
      },
    },
  }
}

const causeKey = (cause: string) => PK.cause(createHash('sha256').update(cause).digest('hex'))
const openValues = Object.fromEntries(OPEN_STATUSES.map((status, index) => [`s${index}`, status]))
/** Who paused first stays: since then nothing has run. */
const pausing = (by: Paused | undefined) =>
  by ? { update: 'SET #paused = if_not_exists(#paused, :by)', values: { by } } : { update: 'REMOVE #paused' }
const isOpen = '#status IN (:s0, :s1, :s2)'

function jobState(item: Record<string, unknown>): JobState {
  type Item = { running?: Set<string>; incidents?: Set<string> } & Pick<JobState, 'paused' | 'streak' | 'size'>
  const { running, incidents, paused, streak, size } = item as Item
  return {
    running: [...(running ?? [])],
    ...(paused && { paused }),
    ...(streak && { streak }),
    ...(size && { size }),
    ...(incidents && { incidents: [...incidents] }),
  }
}

async function changeRun(dynamo: Dynamo, id: string, write: Omit<Parameters<typeof update>[1], 'pk'>) {
  const item = await update(dynamo, { pk: PK.run(id), ...write })
  return item && runOfItem(item)
}

async function claim(
  dynamo: Dynamo,
  get: (pk: string) => Promise<Record<string, unknown> | undefined>,
  record: RunRecord,
): ReturnType<Store['claim']> {
  const isNew = 'attribute_not_exists(pk)'
  const cause = {
    ...{ pk: causeKey(record.causeString), schemaVersion: SCHEMA_VERSION, cause: record.causeString, run: record.id },
    ...(record.expiresAt !== undefined && {
      expiresAt: Math.max(record.expiresAt, forgottenAt(record.claimedAt, 0, LEAST_DAYS_OF_CAUSE)),
    }),
  }
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
