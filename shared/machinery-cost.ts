/** What the machinery around the containers costs: requests of a run, and what is billed while nothing runs. */

/**
 * USD, us-east-1, without any free tier; other regions differ by up to a third. AWS's pricing pages of Lambda (ARM),
 * DynamoDB (on demand), S3 Standard, CloudWatch, EventBridge Scheduler, SQS and SNS, read November 2026.
 */
export const SERVICE_PRICES = {
  region: 'us-east-1',
  lambdaRequest: 0.2 / 1e6,
  lambdaGbSecond: 0.0000133334,
  /** A unit is a write of a begun KB, or a read of a begun 4 KB (half of one where it may be late). */
  tableWrite: 0.625 / 1e6,
  tableRead: 0.125 / 1e6,
  bucketPut: 0.005 / 1000,
  bucketGet: 0.0004 / 1000,
  logMb: 0.5 / 1024,
  scheduleCall: 1 / 1e6,
  queueRequest: 0.4 / 1e6,
  emailSent: 2 / 1e5,
  alarmMonth: 0.1,
} as const

export interface Use {
  lambdaRequests: number
  lambdaGbSeconds: number
  tableWrites: number
  tableReads: number
  bucketPuts: number
  bucketGets: number
  logMb: number
  scheduleCalls: number
  queueRequests: number
  emailsSent: number
}

export const NO_USE: Use = {
  lambdaRequests: 0,
  lambdaGbSeconds: 0,
  tableWrites: 0,
  tableReads: 0,
  bucketPuts: 0,
  bucketGets: 0,
  logMb: 0,
  scheduleCalls: 0,
  queueRequests: 0,
  emailsSent: 0,
}

const PRICE_OF: Record<keyof Use, number> = {
  lambdaRequests: SERVICE_PRICES.lambdaRequest,
  lambdaGbSeconds: SERVICE_PRICES.lambdaGbSecond,
  tableWrites: SERVICE_PRICES.tableWrite,
  tableReads: SERVICE_PRICES.tableRead,
  bucketPuts: SERVICE_PRICES.bucketPut,
  bucketGets: SERVICE_PRICES.bucketGet,
  logMb: SERVICE_PRICES.logMb,
  scheduleCalls: SERVICE_PRICES.scheduleCall,
  queueRequests: SERVICE_PRICES.queueRequest,
  emailsSent: SERVICE_PRICES.emailSent,
}

export const priceOfUse = (use: Use): number =>
  (Object.keys(PRICE_OF) as (keyof Use)[]).reduce((sum, name) => sum + use[name] * PRICE_OF[name], 0)

/** Seconds between two parts of a run's log and ledger. */
const FLUSH_SECONDS = 5

/**
 * What one scheduled run with docs, state and two messages asks of AWS beside its task. The counts are a budget that a
 * test holds the code to; the seconds of the functions are assumed, cold starts included (1.5 s for each function a run
 * comes by, 4 s for its end).
 */
export function useOfRun({ seconds, logMb }: { seconds: number; logMb: number }): Use {
  const parts = Math.ceil(seconds / FLUSH_SECONDS)
  return {
    // Launcher; dispatcher at the claim and at the end; finisher at start and end; notifier; compactor.
    lambdaRequests: 7,
    lambdaGbSeconds: 3 * 0.5 * 1.5 + 1 * 1.5 + 1 * 4 + 0.5 * 1.5 + 1.5 * 2,
    tableWrites: 220,
    tableReads: 60,
    bucketPuts: parts + 44,
    // Each part is read twice: to judge a failure, and for the history, whose six files are read again for those of the day and the month.
    bucketGets: 2 * parts + 52,
    // Beside dbt's own lines those of the functions.
    logMb: logMb + 0.02,
    scheduleCalls: 1,
    queueRequests: 0,
    emailsSent: 1,
  }
}

const DAYS_OF_MONTH = 30
const HOURS_OF_MONTH = 24 * DAYS_OF_MONTH

/** The machinery as it stands in the stack; a test holds these to the template. */
export const MACHINERY = { alarms: 4, sweepMinutes: 5, sweeperMb: 1024, compactorMb: 1536 } as const

/** One turn of the sweeper that finds nothing. 0.35 s at its size are assumed; it stays warm. */
export const USE_OF_TURN: Use = {
  ...NO_USE,
  lambdaRequests: 1,
  lambdaGbSeconds: (MACHINERY.sweeperMb / 1024) * 0.35,
  tableWrites: 1,
  // Twice the shards of the open index, and what it remembers.
  tableReads: 20,
  // What Lambda itself writes of each call.
  logMb: 0.0004,
  scheduleCalls: 1,
  queueRequests: 1,
}

export interface IdleCost {
  what: string
  usd: number
}

/** A month in which nothing runs. Data that is stored and the user's own secrets come on top. */
export function idleMonth(): IdleCost[] {
  const turns = (HOURS_OF_MONTH * 60) / MACHINERY.sweepMinutes
  return [
    { what: `${MACHINERY.alarms} alarms`, usd: MACHINERY.alarms * SERVICE_PRICES.alarmMonth },
    { what: `sweeper, every ${MACHINERY.sweepMinutes} minutes`, usd: turns * priceOfUse(USE_OF_TURN) },
  ]
}
