/**
 * What people are told about a run: made from its record, in the order a reader needs it. The renderers (message-text.ts,
 * message-slack.ts, …) only set it; all foreign text in it is already on one line and bounded.
 */
import type { JobConfig } from './config-model.ts'
import { cutText, oneLine, stripControls } from './format.ts'
import { type Command, commandsOf, nextOf } from './message-commands.ts'
import { causeWords, factsOf } from './message-facts.ts'
import { meaningOf } from './message-lines.ts'
import { isAboutNodes, nodesToName, totalOf } from './message-nodes.ts'
import { subjectOf, titleOf } from './message-title.ts'
import { describeFailure, type FailureLine } from './message-words.ts'
import type { MessageKind } from './reasons.ts'
import type { RunRecord } from './run.ts'

export interface MessageInput {
  kind: MessageKind
  record: RunRecord
  /** As the run was claimed with it. */
  job: JobConfig
  /** How people call the job: its short name where that is unique. */
  jobName: string
  /** Median of the job's last good runs; undefined when there are too few. */
  usualSeconds: number | undefined
  /** About, in US dollars (cost.ts). */
  cost: number | undefined
  links: MessageLink[]
  /** Unique ids of the nodes that the reader is told of; absent: all. */
  nodes?: readonly string[]
  /** For kind `late`. */
  late?: Late
}
export interface MessageLink {
  label: string
  url: string
}
/** Seconds: how long it had run when it was noticed, what is usual, and the longest of the good runs before. */
export interface Late {
  seconds: number
  usual: number
  longest: number
}

export interface Message {
  /** `test`: somebody asked whether messages arrive. */
  kind: MessageKind | 'test'
  runId: string
  project: string
  environment: string
  /** Short name. */
  job: string
  /** What happened, where: the first line. */
  title: string
  /** Of the e-mail: less than 100 characters, one line. */
  subject: string
  /** First failing nodes, and how many there are beside them. */
  failures: FailureLine[]
  moreFailures: number
  /** dbt's or AWS's own words, when it is not about single nodes; several lines. */
  words: string
  /** What it means for others, and since when. */
  meaning: string[]
  /** Commit, start, duration, cost. */
  facts: string[]
  /** What to do; empty when there is nothing to do. */
  next: string
  commands: Command[]
  links: MessageLink[]
  /** For programs; absent in a test. */
  run?: RunFacts
}
export interface RunFacts
  extends Pick<RunRecord, 'status' | 'reason' | 'claimedAt' | 'startedAt' | 'endedAt' | 'dbtVersion' | 'counts'> {
  /** In words, e.g. `by schedule`. */
  cause: string
  commit?: string
  /** Failed runs of the job in a row. */
  failedRuns?: number
  /** How often it was opened again before. */
  retries?: number
}

const SHOWN_FAILURES = 5
const MAX = { words: 1000, line: 400 } as const

export function makeMessage(input: MessageInput): Message {
  const { kind, record } = input
  const nodes = nodesToName(input)
  const shown = nodes.slice(0, SHOWN_FAILURES)
  const total = totalOf(input, nodes)
  const byNode = shown.length > 0 && (kind !== 'error' || isAboutNodes(record))
  return {
    kind,
    runId: record.id,
    project: record.project,
    environment: record.environment,
    job: record.job,
    title: oneLine(titleOf(input, nodes, total), MAX.line),
    subject: subjectOf(input, nodes, total),
    failures: shown.map(describeFailure),
    moreFailures: shown.length ? total - shown.length : 0,
    words: byNode || kind === 'late' ? '' : foreignWords(record.message ?? ''),
    meaning: meaningOf(input).map(line => oneLine(line, MAX.line)),
    facts: factsOf(input).map(line => oneLine(line, MAX.line)),
    next: nextOf(input),
    commands: commandsOf(input, total - shown.length),
    links: input.links,
    run: runFacts(record),
  }
}

function runFacts(record: RunRecord): RunFacts {
  const { status, reason, claimedAt, startedAt, endedAt, dbtVersion, counts, commit, streak, retries } = record
  return {
    status,
    ...(reason && { reason }),
    cause: causeWords(record),
    claimedAt,
    ...(startedAt && { startedAt }),
    ...(endedAt && { endedAt }),
    ...(commit && { commit: commit.sha }),
    ...(dbtVersion && { dbtVersion: oneLine(dbtVersion, 50) }),
    ...(counts && { counts }),
    ...(streak && { failedRuns: streak.failures }),
    ...(retries?.length && { retries: retries.length }),
  }
}

const foreignWords = (text: string) => cutText(stripControls(text.slice(0, MAX.words * 4)).trim(), MAX.words)
