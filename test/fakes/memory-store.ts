/** The store in memory, with the same conditions as on DynamoDB; test/lambda/store-suite.ts holds the two together. */

import {
  type AuditEntry,
  type JobSize,
  type JobState,
  type JobStreak,
  LEFT_OF_END,
  type MessageItem,
  type OpenEntry,
  type Store,
  type SweepState,
} from '../../lambda/common/store.ts'
import { nextStreak } from '../../lambda/common/streak.ts'
import { fullName, OPEN, PK } from '../../shared/contract.ts'
import { EFFECTS, isFinal, type RunRecord } from '../../shared/run.ts'
import { openSortOf } from '../../shared/run-item.ts'
import { makeMemoryLease } from './memory-lease.ts'

interface Job {
  running: Set<string>
  paused?: { at: string; actor: string }
  streak?: JobStreak
  size?: JobSize
}
export interface MemoryStore extends Store {
  messages: Map<string, MessageItem>
  audits: AuditEntry[]
  /** Puts a run as it is, past all rules. */
  plant(run: RunRecord): void
  /** Takes the run's places by hand. */
  occupy(job: string, environment: string, run: string): void
  environmentRuns(name: string): string[]
}

const copy = <T>(value: T): T => structuredClone(value)
const isOpen = (run: RunRecord) => !isFinal(run.status)

export function makeMemoryStore(): MemoryStore {
  const causes = new Map<string, string>()
  const runs = new Map<string, RunRecord>()
  const jobs = new Map<string, Job>()
  const environments = new Map<string, Set<string>>()
  const messages = new Map<string, MessageItem>()
  const audits: AuditEntry[] = []
  let sweep: SweepState | undefined

  const jobOf = (name: string): Job => {
    const job = jobs.get(name) ?? { running: new Set() }
    jobs.set(name, job)
    return job
  }
  const environmentOf = (name: string): Set<string> => {
    const set = environments.get(name) ?? new Set()
    environments.set(name, set)
    return set
  }
  const giveBack = (run: RunRecord) => {
    jobOf(fullName(run.project, run.job)).running.delete(run.id)
    environmentOf(fullName(run.project, run.environment)).delete(run.id)
  }
  /** One conditional write: nothing is awaited between look and change. */
  const change = async (id: string, holds: (run: RunRecord) => boolean, apply: (run: RunRecord) => void) => {
    const run = runs.get(id)
    if (!run || !holds(run)) return undefined
    apply(run)
    return copy(run)
  }
  const isAttempt = (run: RunRecord, number: number) => run.attempts.length === number && number > 0
  const last = (run: RunRecord) => {
    const attempt = run.attempts.at(-1)
    if (!attempt) throw new Error(`run ${run.id} has no attempt`)
    return attempt
  }

  return {
    messages,
    audits,
    plant(run) {
      runs.set(run.id, copy(run))
      causes.set(run.causeString, run.id)
    },
    occupy(job, environment, run) {
      jobOf(job).running.add(run)
      environmentOf(environment).add(run)
    },
    environmentRuns: name => [...environmentOf(name)],

    async claim(run) {
      const winner = causes.get(run.causeString)
      if (winner !== undefined) return winner === run.id ? { claimed: true } : { claimed: false, run: winner }
      if (runs.has(run.id)) throw new Error(`run ${run.id} cannot be claimed: its id is taken`)
      causes.set(run.causeString, run.id)
      runs.set(run.id, copy(run))
      return { claimed: true }
    },
    causesWithoutRun: async wanted => wanted.filter(cause => !causes.has(cause)),
    run: async id => copy(runs.get(id)),
    runs: async ids => ids.flatMap(id => copy(runs.get(id)) ?? []),
    async job(name): Promise<JobState> {
      const { running, ...rest } = jobOf(name)
      return copy({ running: [...running], ...rest })
    },
    async open(phase) {
      const ofRuns = [...runs.values()].flatMap((run): OpenEntry[] => {
        const sort = openSortOf(run)
        return sort ? [{ pk: PK.run(run.id), sort }] : []
      })
      const ofMessages = [...messages.values()]
        .filter(message => message.state === 'pending' || message.state === 'sending')
        .map(message => ({ pk: message.pk, sort: OPEN.message(message.createdAt) }))
      return [...ofRuns, ...ofMessages].filter(entry => entry.sort.startsWith(phase)).sort((a, b) => (a.sort < b.sort ? -1 : 1))
    },

    async startAttempt(given, attempt, limits) {
      const run = runs.get(given.id)
      if (run?.status !== 'queued' || run.attempts.length !== attempt.number - 1 || run.cancel) return 'changed'
      const job = jobOf(fullName(run.project, run.job))
      const environment = environmentOf(fullName(run.project, run.environment))
      const jobFree = job.running.has(run.id) || (!job.paused && job.running.size < limits.job)
      if (!jobFree) return job.paused ? 'paused' : 'job-full'
      if (!environment.has(run.id) && environment.size >= limits.environment) return 'environment-full'
      job.running.add(run.id)
      environment.add(run.id)
      run.attempts.push(copy(attempt))
      run.status = 'starting'
      delete run.notBefore
      return 'started'
    },
    requeue: (given, back) =>
      change(
        given.id,
        run => run.status === 'starting' && isAttempt(run, given.attempts.length) && !last(run).taskArn,
        run => {
          giveBack(run)
          run.attempts.pop()
          Object.assign(run, back, { status: 'queued' })
        },
      ),
    noteTask: (id, number, taskArn) =>
      change(
        id,
        run => isAttempt(run, number) && (last(run).taskArn ?? taskArn) === taskArn,
        run => Object.assign(last(run), { taskArn }),
      ),
    noteRunning: (id, number, at) =>
      change(
        id,
        run => isAttempt(run, number) && run.status === 'starting',
        run => {
          run.status = 'running'
          run.startedAt ??= at.startedAt
          Object.assign(last(run), at)
        },
      ),
    noteTimedOut: (id, number, at) =>
      change(
        id,
        run => isAttempt(run, number) && isOpen(run),
        run => {
          run.timedOutAt ??= at
        },
      ),
    askCancel: (id, cancel) =>
      change(id, isOpen, run => {
        run.cancel ??= cancel
      }),
    nextAttempt: (given, end, next) =>
      change(
        given.id,
        run =>
          isAttempt(run, given.attempts.length) &&
          (run.status === 'starting' || run.status === 'running') &&
          !last(run).outcome &&
          !run.cancel,
        run => {
          Object.assign(last(run), end)
          Object.assign(run, next, { status: 'queued', launchTries: 0 })
          delete run.timedOutAt
        },
      ),
    reopen: (given, retry, startBy) =>
      change(
        given.id,
        run =>
          (run.status === 'error' || run.status === 'cancelled') &&
          run.attempts.length === given.attempts.length &&
          run.endedAt === given.endedAt &&
          !run.effects,
        run => {
          Object.assign(run, { status: 'queued', launchTries: 0, startBy, retries: [...(run.retries ?? []), retry] })
          for (const name of LEFT_OF_END) delete run[name]
        },
      ),
    async rememberSize(name, size) {
      jobOf(name).size = size
    },
    async endRun(given, expected, ended) {
      const closes = given.attempts.length > 0 && !given.attempts.at(-1)?.outcome
      return change(
        given.id,
        run =>
          expected.statuses.includes(run.status) &&
          run.attempts.length === expected.attempts &&
          !(closes && last(run).outcome !== undefined),
        run => {
          const { attempts, cancel, ...fields } = ended
          const kept = { cancel: cancel ?? run.cancel, streak: run.streak, timedOutAt: run.timedOutAt, effects: [...EFFECTS] }
          if (closes) Object.assign(last(run), { ...attempts.at(-1), taskArn: last(run).taskArn })
          Object.assign(run, fields, Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined)))
          delete run.notBefore
          giveBack(run)
        },
      )
    },
    async effectDone(id, effect) {
      await change(
        id,
        () => true,
        run => {
          const left = (run.effects ?? []).filter(other => other !== effect)
          if (left.length) run.effects = left
          else delete run.effects
        },
      )
    },
    async countStreak(given, failed) {
      const run = runs.get(given.id)
      if (!run || run.streak) return copy(run?.streak)
      const job = jobOf(fullName(run.project, run.job))
      const next = nextStreak(job.streak, run, failed)
      run.streak = next.run
      if (next.job) job.streak = next.job
      return copy(next.run)
    },
    async putMessage(message) {
      if (messages.has(message.pk)) return false
      messages.set(message.pk, copy(message))
      return true
    },
    async pause(name, by) {
      const job = jobOf(name)
      if (by) job.paused = by
      else delete job.paused
    },
    audit: async entry => void audits.push(entry),
    lease: makeMemoryLease(),
    sweep: {
      read: async () => copy(sweep),
      async write(state) {
        sweep = copy(state)
      },
    },
  }
}
