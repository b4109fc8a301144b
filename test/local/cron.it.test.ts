import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { emulatorVenv } from '../../local/cloud-start.ts'
import { findPython } from '../../local/venv.ts'

const root = join(import.meta.dirname, '../..')
let venv: string
before(
  async () => {
    // The requirements lie in the same place of the sources and of the built package.
    venv = await emulatorVenv({
      cacheDir: join(root, '.cache'),
      dist: root,
      python: await findPython(undefined),
      onProgress: () => undefined,
    })
  },
  { timeout: 120_000 },
)

/** The next `count` firings after `from`, UTC. */
function firings(expression: string, timezone: string, from: string, count: number): string[] {
  const script = `
import sys, json
sys.path.insert(0, ${JSON.stringify(join(root, 'local/emulator'))})
from datetime import datetime
import schedules
record = {"ScheduleExpression": sys.argv[1], "ScheduleExpressionTimezone": sys.argv[2], "CreationDate": datetime.fromisoformat(sys.argv[3]).timestamp()}
after, found = record["CreationDate"], []
while len(found) < int(sys.argv[4]) and (after := schedules.next_firing(record, after)) is not None:
    found.append(schedules.iso(after))
print(json.dumps(found))`
  const args = ['-B', '-c', script, expression, timezone, `${from}+00:00`, String(count)]
  return JSON.parse(
    execFileSync(join(venv, 'bin/python'), args, { encoding: 'utf8', timeout: 20_000 }).trim().split('\n').at(-1) ?? '',
  )
}

const limit = { timeout: 30_000 }

test('spring: a local time that does not exist is left out', limit, () => {
  assert.deepEqual(firings('cron(30 2 * * ? *)', 'Europe/Berlin', '2027-03-26T12:00:00', 3), [
    '2027-03-27T01:30:00Z',
    '2027-03-29T00:30:00Z',
    '2027-03-30T00:30:00Z',
  ])
})

test('autumn: a local time that comes twice fires once, at its first', limit, () => {
  assert.deepEqual(firings('cron(30 2 * * ? *)', 'Europe/Berlin', '2027-10-30T12:00:00', 2), [
    '2027-10-31T00:30:00Z',
    '2027-11-01T01:30:00Z',
  ])
  assert.deepEqual(firings('cron(0 * * * ? *)', 'Europe/Berlin', '2027-10-30T23:30:00', 3), [
    '2027-10-31T00:00:00Z',
    '2027-10-31T02:00:00Z',
    '2027-10-31T03:00:00Z',
  ])
})

test('autumn: asked in the middle of the repeated hour, the next firing is later, never earlier', limit, () => {
  assert.deepEqual(firings('cron(45 2 * * ? *)', 'Europe/Berlin', '2027-10-31T01:10:00', 1), ['2027-11-01T01:45:00Z'])
})

test('last day of the month, leap day, nth weekday, and a year that is over', limit, () => {
  assert.deepEqual(firings('cron(0 0 L * ? *)', 'UTC', '2028-01-31T12:00:00', 2), [
    '2028-02-29T00:00:00Z',
    '2028-03-31T00:00:00Z',
  ])
  assert.deepEqual(firings('cron(0 6 ? * 2#1 *)', 'Asia/Kolkata', '2027-01-01T00:00:00', 1), ['2027-01-04T00:30:00Z'])
  assert.deepEqual(firings('cron(0 0 1 1 ? 2020)', 'UTC', '2027-01-01T00:00:00', 1), [])
})

test('a rate counts from its creation', limit, () => {
  assert.deepEqual(firings('rate(90 minutes)', 'UTC', '2027-01-01T00:10:00', 2), ['2027-01-01T01:40:00Z', '2027-01-01T03:10:00Z'])
})
