/**
 * What a warehouse says when the same statement may well work a moment later. Only words that stand for contention,
 * throttling, a lost connection or a fault of the service: what another try ends the same way with is not here.
 */
interface Fault {
  /** As people are told it. */
  name: string
  words: RegExp
}

const fault = (name: string, words: RegExp): Fault => ({ name, words })

/** The network between dbt and any warehouse: words of Python's socket, ssl, requests and of libpq. */
const ANY: readonly Fault[] = [
  fault(
    'connection lost',
    /connection reset by peer|connection aborted|broken pipe|remote end closed connection|EOF occurred in violation of protocol/i,
  ),
  fault('no answer', /read timed out|connect(ion)? timed out|connection timeout expired|temporary failure in name resolution/i),
  fault('service unavailable', /\b50[234] (server error|service unavailable|bad gateway|gateway time-?out)/i),
]

/** Error codes of PostgreSQL, appendix A: classes 08 (connection), 40 (rollback), 53 (resources), 57P (operator). */
const POSTGRES: readonly Fault[] = [
  fault('deadlock', /deadlock detected/i),
  fault('serialization', /could not serialize access/i),
  fault(
    'connection lost',
    /server closed the connection unexpectedly|SSL connection has been closed unexpectedly|terminating connection due to/i,
  ),
  fault('restart', /the database system is (starting up|shutting down|in recovery mode)/i),
  fault('connections used up', /too many clients already|remaining connection slots are reserved/i),
  fault('changed meanwhile', /tuple concurrently (updated|deleted)/i),
]

const WAREHOUSE_FAULTS: Readonly<Record<string, readonly Fault[]>> = {
  postgres: POSTGRES,
  // "Troubleshooting serializable isolation errors" (1023: repeat the transaction); a relation that another session
  // replaced meanwhile is gone by its OID.
  redshift: [
    ...POSTGRES,
    fault('serialization', /serializable isolation violation/i),
    fault('changed meanwhile', /could not open relation|concurrent (insert|update|delete)/i),
    fault('throttled', /query cannot run because .* is (paused|resizing)|connection limit .* exceeded/i),
  ],
  // Error numbers of Snowflake: 000630 (time), 000625 (20 waiters for one lock), 000603 (fault inside), 250001 (connection).
  snowflake: [
    fault('statement timeout', /statement reached its statement or warehouse timeout/i),
    fault('lock', /number of waiters for this lock exceeds|has locked table .* has not yet been released|lock timeout/i),
    fault('fault of the service', /\b000603\b|internal error.*processing aborted|incident \d+/i),
    fault('connection lost', /\b25000[1-3]\b|could not connect to snowflake backend|390114|authentication token has expired/i),
  ],
  // "Error messages": reasons for which it says to try again.
  bigquery: [
    fault('rate limit', /rateLimitExceeded|exceeded rate limits|jobRateLimitExceeded|too many (table update|dml) /i),
    fault('resources', /resources exceeded .*(try again|retry)/is),
    fault(
      'fault of the service',
      /backendError|internalError|an internal error occurred|error encountered during execution\. retrying/i,
    ),
    fault('changed meanwhile', /could not serialize access to table|transaction is aborted due to concurrent update/i),
  ],
  // Error conditions of Databricks and Delta Lake; 429 and 503 of its API.
  databricks: [
    fault('unavailable', /TEMPORARILY_UNAVAILABLE|REQUEST_LIMIT_EXCEEDED|RESOURCE_EXHAUSTED|\b429\b.*too many requests/is),
    fault(
      'changed meanwhile',
      /DELTA_CONCURRENT_|DELTA_METADATA_CHANGED|Concurrent(Append|DeleteRead|DeleteDelete|Transaction|Write)Exception|MetadataChangedException/,
    ),
    fault(
      'cluster',
      /cluster .* (is (starting|terminated|restarting)|was terminated|unexpected(ly)? )|driver .*(restarting|not responding)/i,
    ),
    fault('connection lost', /invalid (session|operation) ?handle|RPC .*disassociated/i),
  ],
  // Athena API reference: TooManyRequestsException, InternalServerException; S3 throttles with 503 Slow Down.
  athena: [
    fault('throttled', /TooManyRequestsException|ThrottlingException|rate exceeded|slow ?down|reduce your request rate/i),
    fault('resources', /query exhausted resources at this scale factor/i),
    fault('fault of the service', /InternalServerException|GENERIC_INTERNAL_ERROR|INTERNAL_ERROR_QUERY_ENGINE/i),
    fault('changed meanwhile', /ICEBERG_COMMIT_ERROR|ConcurrentModificationException/i),
  ],
  // DuckDB "Concurrency": one process writes a file; transactions that write the same conflict at their commit.
  duckdb: [
    fault('lock', /could not set lock on file|conflicting lock is held/i),
    fault('changed meanwhile', /(write-write conflict|conflict on (update|tuple deletion)|catalog write-write)/i),
    fault('remote file', /HTTP Error.*\b(429|50[0234])\b|IO Error: .*(connection|timeout|timed out)/is),
  ],
}

export interface FaultRules {
  adapters: readonly string[]
  /** Regular expressions of the user, without regard to case. */
  patterns: readonly string[]
}

/** Name of the passing fault that the words tell of. An environment with an image of its own may use any adapter. */
export function passingFault(words: string, { adapters, patterns }: FaultRules): string | undefined {
  const own = patterns.find(pattern => new RegExp(pattern, 'i').test(words))
  if (own !== undefined) return `"${own}"`
  const known =
    adapters.length > 0 ? adapters.flatMap(adapter => WAREHOUSE_FAULTS[adapter] ?? []) : Object.values(WAREHOUSE_FAULTS).flat()
  return [...known, ...ANY].find(each => each.words.test(words))?.name
}

interface Failing {
  status: string
  message?: string
}

/**
 * What passed in a run that failed, if nothing but passing faults made it fail: each node that failed must tell of one.
 * Rows that a test found stay found. `count`: failing nodes in all; when not all are known, the run is not judged.
 */
export function passingFailure(failing: readonly Failing[], count: number, rules: FaultRules): string | undefined {
  if (failing.length === 0 || failing.length < count) return undefined
  const names = failing.map(node => (node.status === 'error' ? passingFault(node.message ?? '', rules) : undefined))
  return names.every(name => name !== undefined) ? [...new Set(names)].join(', ') : undefined
}

/** For people: names of the known faults by adapter. */
export const faultNames = (): Record<string, string[]> =>
  Object.fromEntries(
    [...Object.entries(WAREHOUSE_FAULTS), ['every', ANY] as const].map(([adapter, faults]) => [
      adapter,
      [...new Set(faults.map(each => each.name))],
    ]),
  )
