/**
 * What the Lambdas do with the table, by name. Every operation that changes something is one conditional write or one
 * transaction, so it is safe when it is repeated, late, or done by two at the same moment.
 */
import type { AuditEntry } from '../../shared/api.ts'
import type { UpstreamRun } from '../../shared/cause.ts'
import type { Deployment } from '../../shared/deployment.ts'
import type { Attempt, Effect, FinalStatus, Retry, RunRecord, RunStatus, Streak } from '../../shared/run.ts'
import type { CompactLease } from './dynamo-compact.ts'
import type { MessageItem } from './message-item.ts'

/** What the end of a run writes beside its status. */
export type Findings = Partial<
  Pick<
    RunRecord,
    | 'commit'
    | 'dbtVersion'
    | 'counts'
    | 'steps'
    | 'failures'
    | 'peakMemoryBytes'
    | 'artifactsIncomplete'
    | 'docsUploaded'
    | 'docsAttempt'
  >
>
export interface RunEnd {
  status: FinalStatus
  reason?: RunRecord['reason']
  message?: string
  findings?: Findings
}
export type AttemptEnd = Pick<
  Attempt,
  'stoppedAt' | 'startedAt' | 'stopCode' | 'stoppedReason' | 'exitCode' | 'imageDigest' | 'eventVersion' | 'resume'
> & {
  outcome: NonNullable<Attempt['outcome']>
}

/** What must still be so for a write to count; otherwise it changes nothing and answers undefined. */
export interface Expected {
  statuses: readonly RunStatus[]
  /** Number of attempts, all but the last one closed. */
  attempts: number
}
/** Fields of a run that say how it ended: gone when it is opened again. */
export const LEFT_OF_END = [
  'reason',
  'message',
  'endedAt',
  'cancel',
  'timedOutAt',
  'lateAt',
  'streak',
  'notBefore',
  'lastLaunchError',
  'effects',
  'docsUploaded',
  'artifactsIncomplete',
] as const satisfies (keyof RunRecord)[]
export const OPEN_STATUSES = ['queued', 'starting', 'running'] as const

export interface Paused {
  at: string
  actor: string
}
export interface EnvironmentState {
  /** Runs that hold a place. */
  running: string[]
  paused?: Paused
}
export interface JobState {
  /** Runs that hold a place. */
  running: string[]
  paused?: Paused
  streak?: JobStreak
  size?: JobSize
  /** Targets (`channel/target`) with an incident open. */
  incidents?: string[]
}
/** Task size that a run of the job needed; CPU units and MiB. */
export interface JobSize {
  cpu: number
  memory: number
  run: string
}
export interface JobStreak extends Streak {
  /** The newest run that counted. */
  lastRun: string
}

/** What a job that runs after several has seen of them since its last start. */
export interface FanInState {
  /** Of the writes: each is conditional on the one before. */
  version: number
  /** Newest end of each job, by full name. */
  ends: Record<string, FanInEnd>
  /** Newest run of each job that a start has used. */
  used: Record<string, string>
  /** Starts that are decided; each is claimed before it is taken out. */
  due: FanInEnd[][]
}
export interface FanInEnd extends UpstreamRun {
  endedAt: string
}

/** What the sweeper remembers. */
export interface SweepState {
  /** Every firing that was due before then has been looked at. */
  checkedUntil: string
  /** The turn had no time for all open runs: the next begins behind this one. */
  tasksFrom?: string | undefined
  /** Day for which the compactor has been called. */
  compacted?: string | undefined
}

export interface DeploymentStore {
  /** Newest first. */
  deployments(limit: number): Promise<Deployment[]>
  /** False: it was there already. */
  putDeployment(deployment: Deployment): Promise<boolean>
  noteInForce(id: string, since: string): Promise<void>
}

export interface OpenEntry {
  pk: string
  sort: string
}

export type StartAnswer = 'started' | 'changed' | 'job-full' | 'environment-full' | 'paused'

export interface Store extends DeploymentStore {
  /** Puts the cause and the run, or answers with the run that has the cause already. */
  claim(run: RunRecord): Promise<{ claimed: true } | { claimed: false; run: string }>
  /** Ids of those causes (canonical strings) that no run has. */
  causesWithoutRun(causes: readonly string[]): Promise<string[]>
  /** Those of the causes that have one. */
  runsOfCauses(causes: readonly string[]): Promise<RunRecord[]>
  run(id: string): Promise<RunRecord | undefined>
  runs(ids: readonly string[]): Promise<RunRecord[]>
  /** Ids of the runs claimed on a day (YYYY-MM-DD, UTC), in order; eventually consistent. */
  idsOfDay(date: string): Promise<string[]>
  /** Runs of a job before this one, newest first: as many as say what is usual. */
  runsBefore(job: string, id: string): Promise<RunRecord[]>
  job(name: string): Promise<JobState>
  environment(name: string): Promise<EnvironmentState>
  /** Everything in the open index whose sort key begins so (all of it for an empty text); eventually consistent. */
  open(phase: string): Promise<OpenEntry[]>

  /** `queued` to `starting` with a new attempt, in the running sets of job and environment, if neither is full. */
  startAttempt(run: RunRecord, attempt: Attempt, limits: { job: number; environment: number }): Promise<StartAnswer>
  /** The attempt did not start: back to the line without it. */
  requeue(
    run: RunRecord,
    back: { notBefore: string; startBy: string; launchTries: number; lastLaunchError: string },
  ): Promise<RunRecord | undefined>
  /** Keeps the task of an attempt; answers with the run as it is then. Undefined: it has another task, or another attempt. */
  noteTask(id: string, attempt: number, taskArn: string): Promise<RunRecord | undefined>
  /** RunTask did not answer: its words are kept, and the try is counted. Undefined: the attempt has a task, or is over. */
  noteNoAnswer(id: string, attempt: number, words: string): Promise<RunRecord | undefined>
  noteRunning(id: string, attempt: number, at: { startedAt: string; eventVersion: number }): Promise<RunRecord | undefined>
  noteTimedOut(id: string, attempt: number, at: string): Promise<RunRecord | undefined>
  askCancel(id: string, cancel: { at: string; actor: string }): Promise<RunRecord | undefined>
  /** Closes the attempt and puts the run back into the line for the next one; it keeps its places. */
  nextAttempt(run: RunRecord, end: AttemptEnd, next: { notBefore: string; startBy: string }): Promise<RunRecord | undefined>
  /**
   * Opens a run again that is over with all its effects done: back into the line, with nothing left of its end but the
   * attempts and what they found. Undefined: it is not as it was read, or effects are open.
   */
  reopen(run: RunRecord, retry: Retry, startBy: string): Promise<RunRecord | undefined>
  rememberSize(job: string, size: JobSize): Promise<void>
  forgetSize(job: string): Promise<void>
  /** Gives the places of a run back that is over, or that the table does not have. False: it is not over. */
  freePlaces(id: string, of: { job: string; environment: string }): Promise<boolean>
  /** The end of a run: final status, places given back, effects open. Only {@link finalise} calls it. */
  endRun(run: RunRecord, expected: Expected, ended: RunRecord): Promise<RunRecord | undefined>

  effectDone(id: string, effect: Effect): Promise<void>
  /** Counts a run in the streak of its job, once, and pauses the job after so many failures; answers with what is kept in the run. */
  countStreak(
    run: RunRecord,
    failed: boolean,
    deactivateAfter?: number | null,
    /** Targets that are told of the failure. */
    heard?: readonly string[],
  ): Promise<Streak | undefined>
  /** False: it was there already. */
  putMessage(message: MessageItem): Promise<boolean>
  /** A message that was given up waits to be sent again, as new. False: it was not given up. */
  resendMessage(pk: string, now: string): Promise<boolean>
  /** Keeps, or forgets, that a target has an incident of the job open. */
  noteIncident(job: string, target: string, open: boolean): Promise<void>
  /** Keeps that the run was told as late. */
  noteLate(id: string, at: string): Promise<void>

  /** Of a job that runs after several. */
  fanIn(job: string): Promise<FanInState | undefined>
  /** False: somebody else wrote a version since. */
  putFanIn(job: string, state: FanInState): Promise<boolean>
  pause(job: string, by: Paused | undefined): Promise<void>
  pauseEnvironment(environment: string, by: Paused | undefined): Promise<void>
  audit(entry: AuditEntry): Promise<void>

  lease: LeaseStore
  compactLease: CompactLease
  sweep: { read(): Promise<SweepState | undefined>; write(state: SweepState): Promise<void> }
}

/** Notes that name no run. */
export const NOTE = {
  /** Look at the whole line. */
  look: '*',
  /** There were more runs than a note names, some perhaps too new for the index: look at the line in a moment. */
  more: '+',
} as const

/** The dispatcher's lease. Who finds it held leaves a note; the holder cannot let go while a note is unread. */
export interface LeaseStore {
  acquire(holder: string, now: string, until: string): Promise<boolean>
  /** False: nobody holds it (any more). */
  leaveNote(runs: readonly string[], now: string): Promise<boolean>
  /** Reads and clears the notes (ids of runs, and {@link NOTE}), and extends the lease. Undefined: it is held by another now. */
  takeNotes(holder: string, until: string): Promise<string[] | undefined>
  /** False: there is an unread note, or another holds it. */
  release(holder: string): Promise<boolean>
  /** Lets go also of unread notes: the next holder finds them. */
  handOver(holder: string): Promise<void>
}
