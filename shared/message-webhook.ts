/** A message in the form of the dbt platform's webhooks, so that receivers made for those take it. */
import type { Message } from './message.ts'
import type { RunStatus } from './run.ts'

export interface WebhookPayload {
  accountId: number
  webhookId: string
  /** The same in every try: who has seen it need not look again. */
  eventId: string
  timestamp: string
  eventType: string
  webhookName: string
  data: Record<string, string | number | null>
  /** What the dbt platform does not say. */
  tidemill: Record<string, unknown>
}

/** There are no accounts here; receivers that read a number find one. */
const NO_ACCOUNT = 0

const EVENT_TYPE: Record<Message['kind'], string> = {
  error: 'job.run.errored',
  success: 'job.run.completed',
  warn: 'job.run.completed',
  recovered: 'job.run.completed',
  cancelled: 'job.run.completed',
  // The dbt platform has nothing of the kind.
  missed: 'job.run.missed',
  late: 'job.run.late',
  source_stale: 'source.stale',
  test: 'tidemill.test',
}

/** The dbt platform's words and codes for how a run stands. */
const STATUS: Record<RunStatus, [string, number]> = {
  queued: ['Queued', 1],
  starting: ['Starting', 2],
  running: ['Running', 3],
  success: ['Success', 10],
  warn: ['Success', 10],
  error: ['Errored', 20],
  cancelled: ['Cancelled', 30],
  skipped: ['Cancelled', 30],
}

export function renderWebhook(
  message: Message,
  { installation, target, at }: { installation: string; target: string; at: string },
): WebhookPayload {
  const { kind, run, runId, project, environment, job } = message
  const [runStatus, runStatusCode] = STATUS[run?.status ?? 'success']
  const name = [installation, target].filter(Boolean).join('/')
  return {
    accountId: NO_ACCOUNT,
    webhookId: name,
    eventId: `${runId}/${kind}${run?.retries ? `~${run.retries}` : ''}`,
    timestamp: at,
    eventType: EVENT_TYPE[kind],
    webhookName: name,
    data: {
      jobId: `${project}/${job}`,
      jobName: job,
      runId,
      environmentId: `${project}/${environment}`,
      environmentName: environment,
      dbtVersion: run?.dbtVersion ?? null,
      projectName: project,
      projectId: project,
      runStatus,
      runStatusCode,
      runStatusMessage: kind === 'success' ? 'None' : message.title,
      runReason: run?.cause ?? 'test',
      runStartedAt: run?.startedAt ?? null,
      runFinishedAt: run?.endedAt ?? null,
    },
    tidemill: { version: 1, ...bodyOf(message, installation) },
  }
}

/** A message for programs: what webhooks and events both carry. */
export function bodyOf(message: Message, installation: string): Record<string, unknown> {
  const { kind, runId, project, environment, job, run, title, failures, moreFailures, words, meaning, next, links } = message
  return {
    kind,
    installation,
    project,
    environment,
    job,
    runId,
    ...run,
    title,
    failures,
    moreFailures,
    words,
    meaning,
    next,
    links,
  }
}
