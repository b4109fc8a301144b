/**
 * What the pages read before anything else: `history/v1/index/`. Written by the compactor alone, as gzip JSON. Pages of days
 * and jobs never change under their name; `current.json` names them and is written last, so that a reader sees one state.
 */
import type { Cause } from './cause.ts'
import type { Reason } from './reason-labels.ts'
import type { FinalStatus, NodeCounts, NodeResult } from './run.ts'

/** Version in the path: a reader of another version finds nothing instead of something else. */
const ROOT = 'history/v1/'

/** Of {@link HistoryIndex}. */
export const INDEX_KEY = `${ROOT}index/current.json`

/** One table of the history; its columns are in history-tables.ts. */
export const HISTORY_TABLES = ['runs', 'steps', 'nodes', 'tests', 'sources', 'costs'] as const
export type HistoryTable = (typeof HISTORY_TABLES)[number]

/** `day`: YYYY-MM-DD (UTC) of the claim, by the run's id. `generation`: names one compaction; what it replaced is removed later. */
export const HISTORY_KEY = {
  root: ROOT,
  run: (table: HistoryTable, day: string, run: string) => `${ROOT}${table}/day=${day}/run=${run}.parquet`,
  day: (table: HistoryTable, day: string, generation: string) => `${ROOT}${table}/day=${day}/all-${generation}.parquet`,
  /** Some days of a month, or a part of one large day; these days have no file of their own any more. */
  month: (table: HistoryTable, month: string, generation: string) => `${ROOT}${table}/month=${month}/all-${generation}.parquet`,
  index: INDEX_KEY,
  /** What the compactor found without use, and which environments it knew; nobody else reads them. */
  unused: `${ROOT}index/unused.json`,
  environments: `${ROOT}index/environments.json`,
  dayPage: (day: string, sha256: string) => `${ROOT}index/days/${day}-${sha256.slice(0, 16)}.json`,
  jobPage: (job: string, sha256: string) => `${ROOT}index/jobs/${job}-${sha256.slice(0, 16)}.json`,
} as const

/** `current.json`. */
export interface HistoryIndex {
  schemaVersion: number
  /** When it was written, ISO 8601. */
  at: string
  /** Newest first; only days with runs. */
  days: IndexDay[]
  /** Newest first. Of closed months, several where there is much in one, and of days too large for one file. */
  months: IndexMonth[]
  /** By full name. */
  jobs: IndexJob[]
  /** The newest runs over all days, newest first, at most {@link NEWEST_RUNS}: the first page needs nothing more. */
  newest: IndexRun[]
}
export const NEWEST_RUNS = 200
/** Runs on the page of a job: its newest. */
export const JOB_RUNS = 500

export interface IndexDay {
  date: string
  /** Key of its {@link DayPage}. */
  page: string
  runs: number
  /** Of them with status `error`. */
  failed: number
  /** Estimated USD of their tasks. */
  usd: number
  /** Generation of the file of the day; absent before it has one, and when the file of its month holds it. */
  generation?: string
  /** Runs in the file of the day, some perhaps in the tail again. */
  packed?: number
  /**
   * Runs that count by files of their own. The file of the day or month may still hold an earlier end of one (it was opened
   * again): a reader leaves out of compacted files what is in the tail.
   */
  tail: string[]
}

/** One file per table; holds days from `from` to `to` that have no file of their own. */
export interface IndexMonth {
  month: string
  generation: string
  from: string
  to: string
  /** Runs in it, some perhaps in the tail again. */
  packed: number
}

export interface IndexJob {
  /** `<project>/<job>`. */
  job: string
  environment: string
  /** Key of its {@link JobPage}. */
  page: string
  runs: number
  /** Outcomes of its newest runs, newest first, at most 30. */
  outcomes: FinalStatus[]
  /** Median seconds of its newest good runs (`usual.ts`); absent before there are enough. */
  usualSeconds?: number
}

/** One row of the list of runs. Texts are bounded; they come from people and dbt and are shown as text. */
export interface IndexRun {
  id: string
  project: string
  environment: string
  job: string
  status: FinalStatus
  reason?: Reason
  /** First line of the record's message, at most 160 characters. */
  message?: string
  trigger: Cause['kind']
  /** Who or what in the words of the trigger: an actor, a schedule's name, a run's id. At most 80 characters. */
  by?: string
  /** Abbreviated to 12. */
  commit?: string
  /** ISO 8601; absent when it never started. */
  startedAt?: string
  endedAt: string
  /** From start to end; of a run that was opened again its work since then (`usual.ts`). */
  seconds?: number
  /** Median of the good runs of the job before it. */
  usualSeconds?: number
  usd?: number
  attempts: number
  counts?: Partial<NodeCounts>
  /** So often it was opened again (`tidemill retry`): it says nothing of what is usual. */
  retries?: number
  /** It ran other commands, code or variables than the job's own. */
  overrides?: true
  /** Docs of it are stored. */
  docs?: true
  /** Why its last attempt left none, although it was to: first line of what the step said, at most 160 characters. */
  noDocs?: string
}

/** Content of a page of a day: all its runs, newest first. */
export interface DayPage {
  schemaVersion: number
  date: string
  runs: IndexRun[]
}
/** Content of a page of a job: its newest runs, newest first. */
export interface JobPage {
  schemaVersion: number
  job: string
  runs: IndexRun[]
}

/** Content of `nodes.json` of a run (`KEY.nodes`): one result per node, that of its last step and attempt, in order of their starts. */
export interface RunNodes {
  schemaVersion: number
  run: string
  nodes: RunNode[]
}
export interface RunNode extends NodeResult {
  step: number
  attempt: number
  /** Attempts of the run before that one in which it failed; absent: none. */
  earlierFailures?: number
}
