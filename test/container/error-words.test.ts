import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeWords, plainWords, sentence } from '../../container/runner/error-words.ts'
import { timeWords } from '../../container/runner/stop.ts'

test('of a failed node the words of the database are left', () => {
  const message = `Runtime Error in model stg_payments (models/staging/stg_payments.sql)
  Binder Error: Referenced column "amount_usd" not found in FROM clause!
  Candidate bindings: "amount"

  LINE 14:     amount_usd
               ^

  compiled code at /work/attempt/steps/2-build/target/run/shop/models/staging/stg_payments.sql`
  assert.equal(
    nodeWords(message),
    'Binder Error: Referenced column "amount_usd" not found in FROM clause! Candidate bindings: "amount"',
  )
})

test('of a traceback its end is left', () => {
  const message = `Runtime Error in model forecast (models/forecast.py)
  Python model failed:
  Traceback (most recent call last):
    File "/opt/dbt/lib/python3.12/site-packages/dbt/adapters/duckdb/environments/__init__.py", line 286, in run_python_job
      df = module.model(dbt, con)
    File "/tmp/tmpabc.py", line 12, in model
      raise ValueError("no rows")
  ValueError: no rows

  compiled code at /work/attempt/x.py`
  assert.equal(nodeWords(message), 'Python model failed: ValueError: no rows')
})

for (const [raw, plain] of [
  [
    "External connection exception occurred: HTTPSConnectionPool(host='hub.getdbt.com', port=443): Max retries exceeded with url: /api/v1/index.json (Caused by NameResolutionError(\"<urllib3.connection.HTTPSConnection object at 0x7f>: Failed to resolve 'hub.getdbt.com' ([Errno -3] Temporary failure in name resolution)\"))",
    'hub.getdbt.com did not answer: Temporary failure in name resolution',
  ],
  [
    "HTTPSConnectionPool(host='hub.getdbt.com', port=443): Max retries exceeded with url: / (Caused by NewConnectionError('<…>: Failed to establish a new connection: [Errno 111] Connection refused'))",
    'hub.getdbt.com did not answer: Connection refused',
  ],
  [
    "HTTPSConnectionPool(host='hub.getdbt.com', port=443): Read timed out. (read timeout=30)",
    'hub.getdbt.com did not answer: Read timed out',
  ],
  ['Env var required but not provided:\n  SHOP_DB', 'Env var required but not provided: SHOP_DB'],
] as const)
  test(`said plainly: ${plain}`, () => assert.equal(plainWords(raw), plain))

test('a sentence ends once', () => {
  assert.equal(sentence('not found'), 'not found.')
  assert.equal(sentence('not found.'), 'not found.')
})

test('the time of a later attempt is not called the limit of the run', () => {
  assert.equal(timeWords({ kind: 'timeout', seconds: 21_600, attempt: 1 }), 'the time limit of 6 h')
  assert.match(timeWords({ kind: 'timeout', seconds: 2400, attempt: 2 }), /^the 40 min that attempt 2 had/)
})
