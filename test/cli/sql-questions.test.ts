import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { sqlCommand } from '../../cli/sql.ts'
import { fakeConnection, fakeContext, input } from './fakes.ts'
import { makeHistory, type Row, runRow } from './sql-history.ts'

const cache = mkdtempSync(join(tmpdir(), 'tidemill-sql-'))
after(() => rmSync(cache, { recursive: true, force: true }))

/** Title and SQL of each question of the page. */
const page = readFileSync(join(import.meta.dirname, '../../docs/questions.md'), 'utf8')
const questions = new Map(
  [...page.matchAll(/^## (.+)$[\s\S]*?```sql\n([\s\S]*?)```/gm)].map(([, title = '', sql = '']) => [title, sql]),
)

const DAY = 86_400_000
const today = Date.parse(`${new Date().toISOString().slice(0, 10)}T00:00:00Z`)
/** ISO 8601, so many days ago at this time of the day. */
const ago = (days: number, time = '02:00') => `${new Date(today - days * DAY).toISOString().slice(0, 10)}T${time}:00.000Z`
const dateOf = (days: number) => ago(days).slice(0, 10)

/** `S`, `F`: a good and a failed run a day, the last one yesterday; a commit to each letter in `commits`. */
function runsOf(job: string, outcomes: string, commits: string): Row[] {
  return [...outcomes].map((outcome, i) => {
    const at = ago(outcomes.length - i)
    const ended = new Date(Date.parse(at) + (outcome === 'F' ? 10 : 20) * 60_000).toISOString()
    return runRow(at, { job, status: outcome === 'F' ? 'error' : 'success', ended_at: ended, commit_sha: commits[i] })
  })
}

async function ask(title: string, rows: Parameters<typeof makeHistory>[0], days: number[]): Promise<unknown> {
  const sql = questions.get(title)
  assert.ok(sql, `docs/questions.md has no question "${title}"`)
  const objects = makeHistory(rows, { days: days.map(dateOf) })
  const context = fakeContext(fakeConnection({ objects }), { effects: { env: { TIDEMILL_CACHE: join(cache, title) } } })
  return ((await sqlCommand.run(context, input({ question: sql }))).document as { rows: unknown }).rows
}

test('every question of the page is asked here', () => {
  assert.deepEqual([...questions.keys()].sort(), [
    'Cost by job and month',
    'Flakiest tests',
    'Models twice as slow as their 30-day median',
    'Share of runs that failed first after a commit',
    'Time to restore after a failure',
  ])
})

test('models twice as slow as their 30-day median: the newest build counts, older days and failed builds do not', async () => {
  const runs = [45, 6, 5, 4, 3, 2, 1].map(days => runRow(ago(days)))
  const seconds = { orders: [99, 10, 11, 9, 10, 12, 25], payments: [1, 5, 5, 5, 5, 5, 9.9], rare: [0, 0, 0, 0, 1, 1, 50] }
  const nodes = Object.entries(seconds).flatMap(([name, values]) =>
    runs.flatMap((run, i) => ({
      ...run,
      unique_id: `model.shop.${name}`,
      resource_type: 'model',
      status: name === 'rare' && (values[i] ?? 0) === 0 ? 'error' : 'success',
      seconds: values[i],
    })),
  )
  assert.deepEqual(await ask('Models twice as slow as their 30-day median', { runs, nodes }, [45, 6, 5]), [
    {
      environment: 'prod',
      unique_id: 'model.shop.orders',
      builds: 6,
      usual_seconds: 10.5,
      newest_seconds: 25,
      newest_run: runs.at(-1)?.run_id,
    },
  ])
})

test('flakiest tests: passed and failed on one commit, or passed in a later attempt; what a commit broke is not flaky', async () => {
  const runs = runsOf('nightly', 'SFSFSS', 'aabbcc')
  // One letter a run: success, fail, or success after a failed attempt.
  const results = { flaky: 'SFSFSS', broken: 'SSFFSS', retried: 'SSSSRS', good: 'SSSSSS' }
  const tests = Object.entries(results).flatMap(([name, letters]) =>
    runs.map((run, i) => ({
      ...run,
      unique_id: `test.shop.${name}`,
      resource_type: 'test',
      status: letters[i] === 'F' ? 'fail' : 'success',
      earlier_failures: letters[i] === 'R' ? 1 : 0,
    })),
  )
  assert.deepEqual(await ask('Flakiest tests', { runs, tests }, [6, 5]), [
    { environment: 'prod', unique_id: 'test.shop.flaky', flaky_commits: 2, commits: 3, failures: 2 },
    { environment: 'prod', unique_id: 'test.shop.retried', flaky_commits: 1, commits: 3, failures: 1 },
  ])
})

test('cost by job and month', async () => {
  const at = (iso: string, job: string, usd: number) => {
    const run = runRow(iso, { job })
    return [
      { ...run, item: 'task', usd },
      { ...run, item: 'machinery', usd: 0.01 },
    ]
  }
  const costs = [
    ...at('2026-08-31T23:59:59Z', 'nightly', 1),
    ...at('2026-09-01T00:00:00Z', 'nightly', 2),
    ...at('2026-09-02T00:00:00Z', 'nightly', 3),
    ...at('2026-09-02T00:00:00Z', 'hourly', 0.5),
  ]
  const row = (month: string, job: string, runs: number, usd: number, tasks: number) => ({
    month,
    project: 'shop',
    job,
    runs,
    usd,
    of_it_containers: tasks,
  })
  assert.deepEqual(await ask('Cost by job and month', { runs: costs.filter(each => each.item === 'task'), costs }, []), [
    row('2026-09', 'nightly', 2, 5.02, 5),
    row('2026-09', 'hourly', 1, 0.51, 0.5),
    row('2026-08', 'nightly', 1, 1.01, 1),
  ])
})

test('time to restore after a failure: from its end to the end of the next good run; cancelled runs do not count', async () => {
  const runs = [
    ...runsOf('nightly', 'SFFSSFSF', 'aaaaaaaa'),
    ...runsOf('hourly', 'SSS', 'aaa'),
    runRow(ago(6, '12:00'), { job: 'nightly', status: 'cancelled' }),
  ]
  // Two days and 10 minutes, one day and 10 minutes, and the last one not yet.
  assert.deepEqual(await ask('Time to restore after a failure', { runs }, [8, 7]), [
    { project: 'shop', job: 'nightly', failures: 3, not_restored: 1, median_minutes: 2170, longest_minutes: 2890 },
  ])
})

test('share of runs that failed first after a commit: streaks count once, and a failure on the same commit is none', async () => {
  const runs = [...runsOf('nightly', 'SFFSFSSF', 'abbbbbbc'), ...runsOf('hourly', 'SFS', 'aaa')]
  assert.deepEqual(await ask('Share of runs that failed first after a commit', { runs }, [8, 7, 6]), [
    { project: 'shop', job: 'nightly', first_failures: 3, after_a_commit: 2, percent: 66.7 },
    { project: 'shop', job: 'hourly', first_failures: 1, after_a_commit: 0, percent: 0 },
  ])
})
