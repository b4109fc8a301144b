import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ago, check, questions, runsOf } from './sql-check.ts'
import { type Row, runRow } from './sql-history.ts'

test('every question of the page is asked here', () => {
  assert.deepEqual([...questions.keys()].sort(), [
    'Cost by job and month',
    'Flakiest tests',
    'Models twice as slow as their 30-day median',
    'Share of runs that failed first after a commit',
    'Time to restore after a failure',
  ])
})

const options = { timeout: 60_000 }

test(
  'models twice as slow as their 30-day median: the newest build counts, older days and failed builds do not',
  options,
  async () => {
    const runs = [45, 6, 5, 4, 3, 2, 1].map(days => runRow(ago(days)))
    const seconds = {
      orders: [99, 10, 11, 9, 10, 12, 25],
      sessions: [1, 20, 20, 20, 20, 20, 100],
      payments: [1, 5, 5, 5, 5, 5, 9.9],
      calm: [5, 5, 30, 5, 5, 5, 5],
      rare: [0, 0, 0, 0, 1, 1, 50],
      seed: [5, 5, 5, 5, 5, 5, 50],
    }
    const nodes = Object.entries(seconds).flatMap(([name, values]) =>
      runs.flatMap((run, i) => ({
        ...run,
        unique_id: `model.shop.${name}`,
        resource_type: name === 'seed' ? 'seed' : 'model',
        status: name === 'rare' && (values[i] ?? 0) === 0 ? 'error' : 'success',
        seconds: values[i],
      })),
    )
    const row = (name: string, usual: number, newest: number) => ({
      environment: 'prod',
      unique_id: `model.shop.${name}`,
      builds: 6,
      usual_seconds: usual,
      newest_seconds: newest,
      newest_run: runs.at(-1)?.run_id,
    })
    const expected = [row('sessions', 20, 100), row('orders', 10.5, 25)]
    await check('Models twice as slow as their 30-day median', { runs, nodes }, [45, 6, 5], expected, [
      ['day >= current_date - 30 and ', ''],
      [" and status = 'success'", ''],
      ["resource_type = 'model' and ", ''],
      ['arg_max(seconds, claimed_at)', 'max(seconds)'],
      ['arg_max(run_id, claimed_at)', 'min(run_id)'],
      ['median(seconds)', 'avg(seconds)'],
      ['builds >= 5', 'builds >= 1'],
      ['2 * usual_seconds', 'usual_seconds'],
      ['usual_seconds desc', 'usual_seconds'],
    ])
  },
)

test(
  'flakiest tests: passed and failed on one commit, or passed in a later attempt; what a commit broke is not flaky',
  options,
  async () => {
    const runs = runsOf('nightly', 'SFSFSS', 'aabbcc')
    // One letter a run: success, fail, error, warn, or success after a failed attempt.
    const results = { flaky: 'SFSFSS', broken: 'SSFFSS', retried: 'SSSSRS', good: 'SSSSSS', warned: 'WFSSSS', stuck: 'SESSSS' }
    const status: Record<string, string> = { F: 'fail', E: 'error', W: 'warn' }
    const rowOf = (run: Row, name: string, letter = '') => ({
      ...run,
      unique_id: `test.shop.${name}`,
      resource_type: 'test',
      status: status[letter] ?? 'success',
      earlier_failures: letter === 'R' ? 1 : 0,
    })
    const old = [ago(40), ago(39)].map(at => runRow(at, { commit_sha: 'z' }))
    const plain = [ago(3, '12:00'), ago(2, '12:00')].map(at => runRow(at))
    const tests = [
      ...Object.entries(results).flatMap(([name, letters]) => runs.map((run, i) => rowOf(run, name, letters[i]))),
      ...old.map((run, i) => rowOf(run, 'long_ago', 'SF'[i])),
      ...plain.map((run, i) => rowOf(run, 'without_commit', 'SF'[i])),
    ]
    const row = (name: string, flaky: number, failures: number) => ({
      environment: 'prod',
      unique_id: `test.shop.${name}`,
      flaky_commits: flaky,
      commits: 3,
      failures,
    })
    const expected = [row('flaky', 2, 2), row('retried', 1, 1), row('stuck', 1, 1), row('warned', 1, 1)]
    await check('Flakiest tests', { runs: [...runs, ...old, ...plain], tests }, [6, 5], expected, [
      ["status in ('success', 'warn')", "status = 'success'"],
      ["status in ('fail', 'error')", "status = 'fail'"],
      [' + sum(earlier_failures)', ''],
      ['day >= current_date - 30 and ', ''],
      [' and commit_sha is not null', ''],
      ['passed > 0 and failed > 0', 'failed > 0'],
      ['    commit_sha,\n', ''],
      ['having flaky_commits > 0', ''],
      ['flaky_commits desc', 'flaky_commits'],
    ])
  },
)

test('cost by job and month', options, async () => {
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
  const expected = [
    row('2026-09', 'nightly', 2, 5.02, 5),
    row('2026-09', 'hourly', 1, 0.51, 0.5),
    row('2026-08', 'nightly', 1, 1.01, 1),
  ]
  await check('Cost by job and month', { runs: costs.filter(each => each.item === 'task'), costs }, [], expected, [
    ["'%Y-%m'", "'%Y'"],
    ['count(distinct run_id)', 'count(*)'],
    ["filter (item = 'task')", ''],
    ['round(sum(usd), 4) as usd', 'max(usd) as usd'],
    ['month desc', 'month'],
    ['usd desc', 'usd'],
    ['  job,\n', "  'nightly' as job,\n"],
  ])
})

test(
  'time to restore after a failure: from its end to the end of the next good run; cancelled runs do not count',
  options,
  async () => {
    const runs = [
      ...runsOf('nightly', 'SFFWSFSFSF', 'aaaaaaaaaa'),
      ...runsOf('new', 'FS', 'aa', '03:00'),
      runRow(ago(8, '12:00'), { job: 'nightly', status: 'cancelled' }),
      runRow(ago(8, '05:00'), { job: 'hourly' }),
    ]
    const row = (job: string, failures: number, open: number, median: number, longest: number) => ({
      project: 'shop',
      job,
      failures,
      not_restored: open,
      median_minutes: median,
      longest_minutes: longest,
    })
    // Two days and 10 minutes, a day and 10 minutes twice, and the last one not yet.
    const expected = [row('new', 1, 0, 1450, 1450), row('nightly', 4, 1, 1450, 2890)]
    await check('Time to restore after a failure', { runs }, [8, 7], expected, [
      ["  where status in ('success', 'warn', 'error')\n", ''],
      ["'warn', ", ''],
      ['project, environment, job order', 'project order'],
      ['1, false', '1, true'],
      ['where failed <> failed_before', ''],
      ['where failed\n', 'where not failed\n'],
      ['median(', 'avg('],
      ['max(date_diff', 'min(date_diff'],
      ['count(*) - count(restored_at)', 'count(restored_at)'],
      ["'minute'", "'hour'"],
    ])
  },
)

test(
  'share of runs that failed first after a commit: streaks count once, and a failure on the same commit is none',
  options,
  async () => {
    const runs = [
      ...runsOf('nightly', 'SFFWFSSF', 'abbbbbbc'),
      ...runsOf('hourly', 'SFS', 'aaa', '03:00'),
      runRow(ago(3, '12:00'), { job: 'weekly', commit_sha: 'a' }),
      runRow(ago(2, '12:00'), { job: 'weekly', commit_sha: 'b', status: 'cancelled' }),
      runRow(ago(1, '12:00'), { job: 'weekly', commit_sha: 'b', status: 'error' }),
    ]
    const row = (job: string, first: number, after: number, percent: number) => ({
      project: 'shop',
      job,
      first_failures: first,
      after_a_commit: after,
      percent,
    })
    const expected = [row('nightly', 3, 2, 66.7), row('hourly', 1, 0, 0), row('weekly', 1, 1, 100)]
    await check('Share of runs that failed first after a commit', { runs }, [8, 7, 6], expected, [
      ["  where status in ('success', 'warn', 'error')\n", ''],
      ["status_before in ('success', 'warn')", "status_before = 'success'"],
      [" and status_before in ('success', 'warn')", ''],
      ['filter (commit_sha <> commit_before)', ''],
      ['project, environment, job order', 'project order'],
      ['by claimed_at', 'by claimed_at desc'],
      ['100.0', '1.0'],
      ['first_failures desc, job', 'first_failures, job desc'],
    ])
  },
)
