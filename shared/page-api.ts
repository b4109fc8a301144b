/**
 * What the pages ask their server, the same of `tidemill ui` and of the hosted site:
 *
 * - `GET /` and the application's files
 * - `GET /data/<key>`: objects of the bucket below {@link PAGE_PREFIXES}, with byte ranges, as they are stored
 * - `GET /api/me`: {@link Me}
 * - `GET /api/open`: {@link OpenRuns}, from the table
 * - `GET /api/runs/<id>`: {@link RunAnswer}
 * - `GET /api/parts/<id>/<attempt>?after=<part>`: {@link PartList}, the log parts there are behind the part with this number
 * - `GET /api/progress/<id>/<attempt>?after=<part>`: {@link RunProgress}, by the parts behind the one with this number
 * - `GET /api/nodes/<project>/<environment>?id=<unique id>&days=<1 to 366>`: {@link NodeHistory}
 * - `GET /api/sources`: {@link SourceHistory}
 * - `GET /api/week?from=<ISO 8601>&until=<ISO 8601>`: {@link Week}, at most {@link WEEK_DAYS} days
 * - `GET /api/next`: {@link NextFirings}
 * - `GET /api/jobs/<project>/<job>`: {@link JobAnswer}
 * - `GET /api/cost?month=<YYYY-MM>`: {@link MonthAnswer}
 * - `POST /api/actions`: an {@link ApiRequest}, answered with an {@link ApiResponse}
 *
 * All below `/data/` and `/api/` want the viewer's token in the header {@link TOKEN_HEADER} (`tidemill ui`: random, given in
 * the fragment of the address that is opened, {@link pageAddress}; hosted: that of the sign-in). A refusal is a {@link PageError}.
 */
import type { ApiRequest } from './api.ts'
import type { JobConfig } from './config-model.ts'
import type { IndexRun, RunNode } from './history-index.ts'
import type { Role } from './page-roles.ts'
import type { Progress } from './plan.ts'
import type { RunRecord, RunStatus } from './run.ts'

export const TOKEN_HEADER = 'x-tidemill-token'

/**
 * Address of a page. `origin` without a slash at the end; `route` as in the hash, `/runs/<id>`. The page takes the token out of the
 * address as soon as it is open, so that it is in no bookmark, and keeps it for the tab.
 */
export const pageAddress = (origin: string, route: string, token?: string) =>
  `${origin}/#${route}${token === undefined ? '' : `${route.includes('?') ? '&' : '?'}token=${token}`}`
export const runRoute = (run: string) => `/runs/${run}`
/** Route of the page after a sign-out. */
export const SIGNED_OUT = '/signed-out'
/** Address of a hosted page; undefined where none are hosted. */
export const hostedPage = ({ site }: { site?: { domain: string } }, route: string) =>
  site && pageAddress(`https://${site.domain}`, route)

/** `docs/` is served on another origin ({@link Me.docs}); of it only the pointers are here. */
export const PAGE_PREFIXES = ['history/', 'runs/', 'config/', 'state/'] as const
/** Whether the pages may read the object. */
export const isPageKey = (key: string) =>
  !key.split('/').includes('..') &&
  (PAGE_PREFIXES.some(prefix => key.startsWith(prefix)) || /^docs\/[^/]+\/[^/]+\/current\.json$/.test(key))

export interface Me {
  installation: string
  /** As the audit trail writes it. */
  actor: string
  role: Role
  /** Key of the configuration in force. */
  config: string
  /** Origin of dbt's docs, without a slash at the end: `<docs>/<project>/<environment>/<run>/` (`current` for the run of the pointer). */
  docs: string
  /** In front of every command line that the pages show, e.g. `tidemill --local`. */
  command: string
  version: string
  /** Hosted: the path that ends the sign-in. */
  signOut?: string
}

export interface OpenRuns {
  at: string
  runs: RunRecord[]
  /** What is paused now; absent: not known. */
  paused?: Pause[]
}
export interface Pause {
  of: 'job' | 'environment'
  /** Full name. */
  name: string
  at: string
  /** As the audit trail writes it. */
  actor: string
}
/** That of the environment goes first: it holds up the job also when the job itself is resumed. */
export const pauseOf = (pauses: readonly Pause[] | undefined, { project, environment, name }: JobConfig) =>
  pauses?.find(each => each.of === 'environment' && each.name === `${project}/${environment}`) ??
  pauses?.find(each => each.of === 'job' && each.name === `${project}/${name}`)

/** Keys of the parts (shared/plan.ts) of an attempt, in order, at most {@link PARTS_PER_ANSWER}: then there may be more. */
export interface PartList {
  keys: string[]
}
export const PARTS_PER_ANSWER = 1000

/** What an attempt that goes on has done, out of parts of its log. */
export interface RunProgress {
  /** In order of their ends. */
  nodes: RunNode[]
  progress?: Progress
  /** Number of the newest part. */
  last: number
  /** Parts that were left out because there are too many, or that cannot be read. */
  leftOut: number
}

export interface RunAnswer {
  run: RunRecord
  /** What to do about how it ended, a sentence. */
  next?: string
  /** The likeliest first. */
  deeds: Deed[]
  /** Estimated USD of its containers that have ended. */
  usd?: number
}

/** What can be done, whether or not this viewer may. */
export interface Deed {
  /** On its button. */
  name: string
  /** What happens, a sentence. */
  does: string
  command: string
  /** Absent: it only shows something. The page puts in the key of the request, where there is one. */
  request?: ApiRequest
  /** What one does first. */
  main?: boolean
}

/** A job of the configuration in force. */
export interface JobAnswer {
  /** At most {@link MOST_NEXT}. */
  next: JobFiring[]
  deeds: Deed[]
}
export const MOST_NEXT = 20

export interface JobFiring {
  /** ISO 8601, UTC. */
  at: string
  schedule: string
  timezone: string
  /** In the zone of the schedule, `2027-03-28T02:30`. */
  local: string
}
/** Of jobs with a schedule that is switched on, by full name. */
export type NextFirings = Record<string, JobFiring>

/** What was to run by the schedules that were in force, and what did. */
export interface Week {
  /** Firings in order of time. */
  jobs: { job: string; firings: Expected[] }[]
  /** ISO 8601: before that the schedules are not known, and taken to be the same. */
  notedSince?: string
  /** There are more jobs than one answer holds. */
  leftOut?: true
}
export const WEEK_DAYS = 9
export interface Expected {
  at: string
  schedule: string
  kept: 'coming' | 'unknown' | 'missed' | 'ran' | 'skipped'
  /** The run that answers it. */
  run?: { id: string; status: RunStatus }
}

/** Estimates in USD. */
export interface MonthCost {
  jobs: JobCost[]
  /** What stands there while nothing runs, of the whole month. */
  idle: number
  soFar: number
  rest: number
}
export interface JobCost {
  job: string
  runs: number
  /** Containers; what is around them. */
  tasks: number
  machinery: number
  /** Of the rest of the month, by its schedules, else by how often it ran so far. */
  rest: number
}
export interface MonthAnswer extends MonthCost {
  /** Runs, the dearest first. */
  dearest: IndexRun[]
}

/** A model, test, seed … over the runs that had a result for it. */
export interface NodeHistory {
  /** Newest first. */
  runs: NodeRun[]
  /** YYYY-MM-DD: runs of this day and of those before were left out, there are too many. */
  leftOut?: string
}
export interface NodeRun {
  run: string
  job: string
  name: string
  status: string
  /** Of one that was not good, at most 400 characters. */
  message?: string
  startedAt?: string
  endedAt?: string
  seconds?: number
  /** Rows that a test found, or that a model changed. */
  rows?: number
  commit?: string
  materialized?: string
  relation?: string
  path?: string
}

/** Freshness of sources, as the checks of the last {@link SOURCE_DAYS} days found it. */
export interface SourceHistory {
  /** The stalest first. */
  sources: Source[]
  /** As in {@link NodeHistory}. */
  leftOut?: string
}
export const SOURCE_DAYS = 14
export interface Source {
  /** `<project>/<environment>`. */
  environment: string
  uniqueId: string
  name: string
  /** Of the newest check. */
  message?: string
  /** Seconds. */
  warnAfter?: number
  errorAfter?: number
  /** Newest first, at most {@link MOST_CHECKS}. */
  checks: SourceCheck[]
}
export const MOST_CHECKS = 80
export interface SourceCheck {
  run: string
  status: string
  /** ISO 8601. */
  at?: string
  loadedAt?: string
  /** Seconds. */
  age?: number
}

export interface PageError {
  status: 400 | 401 | 403 | 404 | 405 | 409 | 500 | 502
  message: string
  hint?: string
  /** Hosted: where to sign in. The page offers it, and goes there by itself after a 401, with `?to=<route>`. */
  signIn?: string
  /** Hosted, of somebody who is signed in and may not look. */
  signOut?: string
}
