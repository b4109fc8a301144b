/** Every fault that the product is built to survive has a test that injects it; its name begins with the fault's number. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const FAULTS: Record<string, string> = {
  '01': 'the same scheduled time is delivered twice',
  '02': 'a scheduled delivery arrives hours late',
  '03': 'no capacity',
  '04': 'throttling',
  '05': 'RunTask times out after it succeeded',
  '06': 'ConflictException',
  '07': 'the launcher dies between RunTask and its record',
  '08': 'the image cannot be pulled for a moment',
  '09': 'the image is missing',
  '10': 'a secret is missing or denied',
  '11': 'two launches of one job race',
  '12': 'the holder of a lock died',
  '13': 'paused, removed or changed between claim and launch',
  '14': 'the git host is down, breaks off, or is not found',
  '15': 'the git token is refused',
  '16': 'branch, commit or folder do not exist',
  '17': 'the package registry is down',
  '18': 'the project does not parse, the profile is wrong, the login refused',
  '19': 'models fail',
  '20': 'tests fail, warnings, stale sources',
  '21': 'exit code and results contradict each other',
  '22': 'SIGTERM in the middle of a run',
  '23': 'dbt ignores the interrupt',
  '24': 'the runner is killed',
  '25': 'the time limit passes',
  '26': 'the bucket refuses uploads',
  '27': 'the disk is full',
  '28': 'a model prints a secret',
  '29': 'a very long log, a very large manifest, bytes that are no text',
  '30': 'a hostile repository',
  '31': 'STOPPED is delivered many times',
  '32': 'events out of order',
  '33': 'STOPPED never arrives',
  '34': 'events of others',
  '35': 'the finisher dies after each of its writes',
  '36': 'result and ECS contradict each other',
  '37': 'half-written docs and history',
  '38': 'the notifier dies',
  '39': 'the receiver of messages refuses, hangs or is gone',
  '40': 'hostile names',
  '41': '500 nodes fail',
  '42': 'a job fails 50 times in a row',
  '43': 'a scheduled run never appeared',
  '44': 'clocks go forward and back',
  '45': 'the kernel kills dbt for memory',
  '46': 'nobody reads the output',
  '47': 'a deployment while runs are open',
  '48': 'a hostile docs page',
  '49': 'a model looks for tokens and secrets',
  '50': 'a task reaches for what is not its environment’s',
}

const root = join(import.meta.dirname, '..')
const texts = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.test.ts') || name.endsWith('-suite.ts') || name.endsWith('-suite-ends.ts'))
  .map(name => readFileSync(join(root, name), 'utf8'))

for (const [number, fault] of Object.entries(FAULTS))
  test(`a test of fault ${number}: ${fault}`, () => {
    assert.ok(
      texts.some(text => new RegExp(`['"\`]fault ${number}: `).test(text)),
      `no test is named "fault ${number}: …"`,
    )
  })

test('no test names a fault that is not known', () => {
  const named = texts.flatMap(text => [...text.matchAll(/['"`]fault (\d+):/g)].map(match => match[1] ?? ''))
  assert.deepEqual(
    named.filter(number => !(number in FAULTS)),
    [],
  )
})
