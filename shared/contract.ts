/**
 * The names that cross a process border: environment variables, S3 keys, table keys, causes; those of AWS's own resources are in
 * resource-names.ts. Writer and reader both import them from there; nothing else in the code builds such a name.
 */
import { type Cause, eventKey, runsOf } from './cause.ts'

/** Version of everything stored (record, plan, config, result, parts). Readers accept this one and the one before. */
export const SCHEMA_VERSION = 1
export const isReadable = (version: unknown) => version === SCHEMA_VERSION || version === SCHEMA_VERSION - 1

/** Environment variables of the Lambdas and of the task. dbt reads `DBT_*`, so ours begin with `TIDEMILL_`. */
export const ENV = {
  // Lambdas
  installation: 'TIDEMILL_INSTALLATION',
  table: 'TIDEMILL_TABLE',
  bucket: 'TIDEMILL_BUCKET',
  configKey: 'TIDEMILL_CONFIG_KEY',
  cluster: 'TIDEMILL_CLUSTER',
  /** Comma-separated ids. */
  subnets: 'TIDEMILL_SUBNETS',
  /** Comma-separated ids. */
  securityGroups: 'TIDEMILL_SECURITY_GROUPS',
  /** `ENABLED` or `DISABLED`, as in awsvpcConfiguration. */
  assignPublicIp: 'TIDEMILL_ASSIGN_PUBLIC_IP',
  topic: 'TIDEMILL_TOPIC',
  /** `https://<region>.console.aws.amazon.com`; without it messages carry no links into the console. */
  consoleUrl: 'TIDEMILL_CONSOLE_URL',
  launcher: 'TIDEMILL_LAUNCHER',
  dispatcher: 'TIDEMILL_DISPATCHER',
  finisher: 'TIDEMILL_FINISHER',
  notifier: 'TIDEMILL_NOTIFIER',
  compactor: 'TIDEMILL_COMPACTOR',
  deadLetters: 'TIDEMILL_DEAD_LETTERS',
  api: 'TIDEMILL_API',
  /** {@link SiteSettings} as JSON. */
  site: 'TIDEMILL_SITE',
  // Task: the first two come with the RunTask call, the rest with the task definition or the image
  planKey: 'TIDEMILL_PLAN_KEY',
  planSha256: 'TIDEMILL_PLAN_SHA256',
  /** Writable folder of the task; the image sets it. */
  workDir: 'TIDEMILL_WORK_DIR',
  /** `off`: each dbt command is a process of its own; `collect`: Python's garbage collector stays on. For measurements. */
  dbtHost: 'TIDEMILL_DBT_HOST',
  gitToken: 'TIDEMILL_GIT_TOKEN',
  gitSshKey: 'TIDEMILL_GIT_SSH_KEY',
} as const

/** `<project>/<name>`, the full name of a job and the key of an environment. */
export const fullName = (project: string, name: string) => `${project}/${name}`

/** Id of a run: time of the claim to the second (UTC) and 48 random bits in hexadecimal. Sorts by time. */
export function makeRunId(claimedAt: Date, random: string): string {
  if (!/^[0-9a-f]{12}$/.test(random)) throw new Error(`run id needs 12 hexadecimal digits, got "${random}"`)
  return `${claimedAt.toISOString().slice(0, 19).replace(/[-:]/g, '')}-${random}`
}
export const RUN_ID_PATTERN = /^\d{8}T\d{6}-[0-9a-f]{12}$/

/** `startedBy` of the ECS task of an attempt (letters, digits, `-`, `_`, `/`; at most 128). */
export const startedBy = (run: string, attempt: number) => `${run}/${attempt}`
/** Client token of the RunTask call of an attempt (at most 64 characters). */
export const clientToken = (run: string, attempt: number) => `${run}-${attempt}`
/** The reverse of {@link startedBy}; undefined for a task that is not ours. */
export function parseStartedBy(value: string | undefined): { run: string; attempt: number } | undefined {
  const [run = '', attempt = ''] = (value ?? '').split('/')
  return RUN_ID_PATTERN.test(run) && /^[1-9]\d*$/.test(attempt) ? { run, attempt: Number(attempt) } : undefined
}

/**
 * The one canonical string of a cause: two deliveries of the same cause give the same string, and the claim is
 * unique by its SHA-256. `job` is the full name of the job that is to run.
 */
export function causeString(job: string, cause: Cause): string {
  switch (cause.kind) {
    case 'schedule':
      return `schedule ${job}/${cause.schedule}@${cause.scheduledFor.slice(0, 16)}Z`
    case 'upstream':
      return `upstream ${runsOf(cause).join('+')} ${job}`
    case 'event':
      return `event ${job} ${eventKey(cause)}`
    case 'commit':
      return `commit ${job} ${cause.repository}@${cause.sha}/${cause.eventId}`
    case 'request': {
      const { slice } = cause
      if (slice) return `backfill ${job}/${slice.backfill}/${slice.start}/${slice.number}`
      return `request ${cause.actor}/${job}/${cause.idempotencyKey}`
    }
  }
}

/** Attribute by which the table forgets an item: seconds since 1970. */
export const TTL = 'expiresAt'

/** Partition keys of the table (attribute `pk`; there is no sort key). */
export const PK = {
  cause: (sha256: string) => `CAUSE#${sha256}`,
  run: (id: string) => `RUN#${id}`,
  job: (job: string) => `JOB#${job}`,
  environment: (environment: string) => `ENV#${environment}`,
  /** What a job that runs after several has seen of them since its last start. */
  fanIn: (job: string) => `FANIN#${job}`,
  /** `retries`: how often the run was opened again before; each of its ends is told. */
  message: (run: string, kind: string, channel: string, target: string, retries = 0) =>
    `MSG#${run}/${kind}${retries ? `~${retries}` : ''}/${channel}/${target}`,
  dispatchLease: 'LEASE#dispatcher',
  compactLease: 'LEASE#compactor',
  /** One operation of a person: who, what, when, and how it was answered. */
  audit: (id: string) => `AUDIT#${id}`,
  /** One deployment of a configuration: its hash, when, and by whom. */
  deployment: (id: string) => `DEPLOYMENT#${id}`,
  /** What the sweeper remembers between its turns. */
  sweep: 'SWEEP#schedules',
} as const

/**
 * Global secondary indexes, keys only. An item is in an index only while it has both attributes.
 * - open: runs that are not final or have effects left, and messages not sent
 * - day: runs by day of claim
 * - job: runs of a job
 */
export const INDEX = {
  open: { name: 'open', partition: 'openKey', sort: 'openSort' },
  day: { name: 'day', partition: 'dayKey', sort: 'id' },
  job: { name: 'job', partition: 'jobKey', sort: 'id' },
} as const

export const SHARDS = 16
/** Shard of an id by the last of its random digits, so that a burst of claims spreads over partitions. */
export const shardOf = (id: string) => Number.parseInt(id.at(-1) ?? '0', 16) % SHARDS
export const openKey = (shard: number) => `OPEN#${shard}`
/**
 * Sort key in the open index: the phase first, so that one phase is one range, then what orders it. A waiting run's key
 * carries priority and job, so that the line is in order, and counted per job, without reading the runs.
 */
export const OPEN = {
  waiting: (run: { priority: number; id: string; project: string; job: string }) =>
    `${OPEN_PHASE.waiting}${String(50 - run.priority).padStart(3, '0')}#${run.id}#${fullName(run.project, run.job)}`,
  active: (id: string) => `${OPEN_PHASE.active}${id}`,
  /** Final, with effects left. */
  effects: (id: string) => `${OPEN_PHASE.effects}${id}`,
  message: (createdAt: string) => `${OPEN_PHASE.message}${createdAt}`,
} as const
export const OPEN_PHASE = { waiting: 'WAIT#', active: 'RUN#', effects: 'END#', message: 'MSG#' } as const
/** The reverse of {@link OPEN.waiting}. */
export function parseWaiting(sort: string): { id: string; job: string; priority: number } | undefined {
  const [, rank, id, job] = sort.split('#')
  return sort.startsWith(OPEN_PHASE.waiting) && id && job ? { id, job, priority: 50 - Number(rank) } : undefined
}
/** Partition of the job index for the deployments; its sort key is the id of the deployment, which begins with its time. */
export const DEPLOYMENTS_KEY = 'DEPLOYMENTS'
/** The same for messages that were given up; their sort key begins with when. */
export const FAILED_MESSAGES_KEY = 'MESSAGES#failed'
/** Partition of the day index for the audit trail; its sort key is the id of the operation. */
export const auditDayKey = (date: string) => `AUDIT#${date}`
/** `date`: YYYY-MM-DD, UTC. */
export const dayKey = (date: string, shard: number) => `DAY#${date}#${shard}`
/** Day of a run's claim from its id, YYYY-MM-DD. */
export const dayOfRun = (id: string) => `${id.slice(0, 4)}-${id.slice(4, 6)}-${id.slice(6, 8)}`
/** ISO 8601, of the id alone: to the second. */
export const claimedAt = (id: string) => `${dayOfRun(id)}T${id.slice(9, 11)}:${id.slice(11, 13)}:${id.slice(13, 15)}.000Z`

/** What says where a run's objects are. `environment` and `job` are short names. */
export interface RunPlace {
  project: string
  environment: string
  job: string
  id: string
}

/** Keys of the data bucket. */
export const KEY = {
  config: (sha256: string) => `config/${sha256}.json`,
  plan: (r: RunPlace, attempt: number) => `plans/${r.project}/${r.environment}/${r.id}/${attempt}.json`,
  /** What is done by the end of an attempt. Named by its content: a later reading of the same parts may know more. */
  resume: (r: RunPlace, attempt: number, sha256: string) =>
    `plans/${r.project}/${r.environment}/${r.id}/${attempt}-done-${sha256.slice(0, 16)}.json`,
  run: (r: RunPlace) => `runs/${r.project}/${r.environment}/${r.job}/${r.id}/`,
  record: (r: RunPlace) => `${KEY.run(r)}run.json`,
  /** Merged results of all nodes, {@link RunNodes} as gzip JSON, written when the run has ended. */
  nodes: (r: RunPlace) => `${KEY.run(r)}nodes.json`,
  attempt: (r: RunPlace, attempt: number) => `${KEY.run(r)}${attempt}/`,
  /** One object a flush: gzip, lines of JSON (shared/part.ts), numbered from 1 without gaps. */
  part: (attemptPrefix: string, part: number) => `${attemptPrefix}parts/${String(part).padStart(6, '0')}.ndjson.gz`,
  /** Lines that only CloudWatch had, brought by the finisher when the runner died; same form as a part. */
  tail: (attemptPrefix: string) => `${attemptPrefix}parts/tail.ndjson.gz`,
  result: (attemptPrefix: string) => `${attemptPrefix}result.json`,
  /** `name` as in the plan, already safe for a key. */
  step: (attemptPrefix: string, index: number, name: string) => `${attemptPrefix}steps/${index}-${name}/`,
  state: (project: string, environment: string) => `state/${project}/${environment}/`,
  /** Artifacts of one good run below {@link KEY.state}; never changed once the pointer names them. */
  stateRun: (project: string, environment: string, run: string) => `${KEY.state(project, environment)}${run}/`,
  /** {@link Pointer} to the newest state; moves last. */
  statePointer: (project: string, environment: string) => `${KEY.state(project, environment)}current.json`,
  cache: (project: string, environment: string) => `cache/${project}/${environment}/`,
  /** The version before stored the docs of a run here, beside what is now below {@link KEY.docs}. */
  docsRun: (project: string, environment: string, run: string) => `docs/${project}/${environment}/${run}/`,
  /** Docs that one attempt made; never changed once a pointer names them. */
  docs: (project: string, environment: string, run: string, attempt: number) =>
    `${KEY.docsRun(project, environment, run)}${attempt}/`,
  /** {@link Pointer} to the run's newest docs that are complete. */
  docsRunPointer: (project: string, environment: string, run: string) => `${KEY.docsRun(project, environment, run)}current.json`,
  /** {@link Pointer} to the environment's newest docs; moves last. */
  docsPointer: (project: string, environment: string) => `docs/${project}/${environment}/current.json`,
} as const

/** Prefix of the project's environment under `top`, to scope a policy or a listing. */
export const environmentPrefix = (top: 'plans' | 'runs' | 'state' | 'cache' | 'docs', project: string, environment: string) =>
  `${top}/${project}/${environment}/`
