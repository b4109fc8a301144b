import assert from 'node:assert/strict'
import { test } from 'node:test'
import { passingFailure, passingFault } from '../../shared/warehouse-faults.ts'

const options = { timeout: 10_000 }
const of = (adapter: string, ...patterns: string[]) => ({ adapters: [adapter], patterns })

/** Adapter, words as dbt shows them, name of the fault; undefined: another attempt would end the same. */
const WORDS: [string, string, string | undefined][] = [
  [
    'postgres',
    'Database Error in model a (models/a.sql)\n  deadlock detected\n  DETAIL:  Process 71 waits for ShareLock',
    'deadlock',
  ],
  ['postgres', 'could not serialize access due to concurrent update', 'serialization'],
  [
    'postgres',
    'server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally',
    'connection lost',
  ],
  ['postgres', 'FATAL:  sorry, too many clients already', 'connections used up'],
  ['postgres', 'column "amount_usd" does not exist', undefined],
  ['postgres', 'canceling statement due to statement timeout', undefined],
  [
    'redshift',
    'ERROR: 1023\n  DETAIL: Serializable isolation violation on table - 1256109, transactions forming the cycle are: 1, 2',
    'serialization',
  ],
  ['redshift', 'could not open relation with OID 1234567', 'changed meanwhile'],
  ['redshift', 'relation "raw.orders" does not exist', undefined],
  [
    'snowflake',
    '000630 (57014): Statement reached its statement or warehouse timeout of 300 second(s) and was canceled.',
    'statement timeout',
  ],
  [
    'snowflake',
    "000625 (57014): Statement '01b' has locked table 'T' in transaction 17 and this lock has not yet been released.",
    'lock',
  ],
  ['snowflake', '000603 (XX000): SQL execution internal error: Processing aborted by error 300002', 'fault of the service'],
  ['snowflake', "002003 (42S02): SQL compilation error: Object 'X' does not exist or not authorized.", undefined],
  ['snowflake', '100035 (22007): Timestamp 0005-01-01 is not recognized', undefined],
  ['bigquery', 'Exceeded rate limits: too many table update operations for this table.', 'rate limit'],
  ['bigquery', '503 backendError: Error encountered during execution. Retrying may solve the problem.', 'fault of the service'],
  ['bigquery', 'Resources exceeded during query execution: The query could not be executed in the allotted memory.', undefined],
  ['bigquery', 'Syntax error: Unexpected keyword FROM at [3:1]', undefined],
  ['databricks', '[TEMPORARILY_UNAVAILABLE] The service is overloaded', 'unavailable'],
  [
    'databricks',
    '[DELTA_CONCURRENT_APPEND] ConcurrentAppendException: Files were added to the root of the table',
    'changed meanwhile',
  ],
  ['databricks', '[TABLE_OR_VIEW_NOT_FOUND] The table or view `a` cannot be found.', undefined],
  ['athena', 'An error occurred (TooManyRequestsException) when calling the StartQueryExecution operation', 'throttled'],
  ['athena', 'Query exhausted resources at this scale factor', 'resources'],
  ['athena', 'COLUMN_NOT_FOUND: line 3:8: Column amount cannot be resolved', undefined],
  ['duckdb', 'IO Error: Could not set lock on file "/data/shop.duckdb": Conflicting lock is held in python3.12 (PID 71)', 'lock'],
  ['duckdb', 'TransactionContext Error: Conflict on update!', 'changed meanwhile'],
  ['duckdb', 'IO Error: No files found that match the pattern "data/*.csv"', undefined],
  ['duckdb', 'Binder Error: Referenced column "amount_usd" not found', undefined],
  ['trino', "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))", 'connection lost'],
  // The words of one warehouse say nothing about another.
  ['duckdb', 'rateLimitExceeded', undefined],
]

test('a warehouse tells of a passing fault in its own words, and of nothing else', options, () => {
  for (const [adapter, words, expected] of WORDS) assert.equal(passingFault(words, of(adapter)), expected, words)
})

test('own patterns count for every adapter, without regard to case; an own image may use any adapter', options, () => {
  assert.equal(
    passingFault('Warehouse WH is SUSPENDED', of('snowflake', 'warehouse .* is suspended')),
    '"warehouse .* is suspended"',
  )
  assert.equal(passingFault('deadlock detected', { adapters: [], patterns: [] }), 'deadlock')
})

test('every node that failed must tell of one; rows found by a test stay found', options, () => {
  const rules = of('postgres')
  const deadlock = { status: 'error', message: 'deadlock detected' }
  assert.equal(
    passingFailure([deadlock, { status: 'error', message: 'could not serialize access' }], 2, rules),
    'deadlock, serialization',
  )
  assert.equal(passingFailure([deadlock, { status: 'error', message: 'division by zero' }], 2, rules), undefined)
  assert.equal(passingFailure([deadlock, { status: 'fail', message: 'deadlock detected' }], 2, rules), undefined)
  assert.equal(passingFailure([deadlock, { status: 'error' }], 2, rules), undefined)
  assert.equal(passingFailure([deadlock], 2, rules), undefined, 'one is not known')
  assert.equal(passingFailure([], 0, rules), undefined)
})

test('hostile words take no time: a message of 2,000 characters is judged at once', options, () => {
  const from = performance.now()
  for (const words of [
    'cluster '.repeat(250),
    'has locked table '.repeat(118),
    'resources exceeded '.repeat(105),
    'HTTP Error '.repeat(180),
  ])
    passingFault(words, { adapters: [], patterns: [] })
  assert.ok(performance.now() - from < 200)
})
