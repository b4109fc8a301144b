import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { UserError } from '../../shared/errors.ts'
import { HISTORY_KEY } from '../../shared/history-index.ts'
import { ask, refusal, root } from './sql-ask.ts'
import { makeHistory, type Row, runRow } from './sql-history.ts'

test('nothing but the tables can be read, nothing can be written or loaded', async () => {
  const objects = makeHistory({ runs: [runRow('2026-11-20T02:00:00Z')] })
  const target = join(root, 'written')
  for (const question of [
    "from read_text('/etc/hostname')",
    "from read_csv('/etc/hostname')",
    "from glob('/etc/*')",
    "from parquet_metadata('/etc/hostname')",
    `select 1 where exists (from read_blob('${import.meta.filename}'))`,
  ])
    assert.match((await refusal(objects, question)).message, /disabled by configuration/, question)
  for (const question of [
    "from '/etc/hostname'",
    `copy runs to '${target}'`,
    `explain analyze copy runs to '${target}'`,
    `export database '${target}'`,
    `attach '${target}'`,
    'create table x as from runs',
    'drop view runs',
    'insert into runs (run_id) values (1)',
    'install httpfs',
    'load httpfs',
    'set threads = 1',
    'pragma enable_profiling',
    "call pragma_version('x')",
    'select 1; select 2',
    'with x as (select 1) insert into runs select * from x',
  ])
    await refusal(objects, question)
  assert.throws(() => readFileSync(target), /ENOENT/)
})

test('a wrong question: the words of DuckDB, the place, and what there is, before anything is fetched', async () => {
  const cases: [string, RegExp, RegExp][] = [
    ['select * from nodez', /Table with name nodez does not exist/, /Did you mean "nodes"\? Tables: runs, steps, nodes, tests/],
    [
      'select stauts from runs',
      /column "stauts" not found[\s\S]*LINE 1: select stauts\b/,
      /"status"\? runs has day, run_id, project/,
    ],
    ['select r.sattus from runs r', /does not have a column named "sattus"/, /Did you mean "status"\? runs has/],
    ['selct 1', /Parser Error: syntax error at or near "selct"/, /^$/],
    ['select mediann(usd) from runs', /mediann does not exist/, /^$/],
    ['-- nothing', /There is no question/, /tidemill sql/],
  ]
  for (const [question, message, hint] of cases) {
    // Nothing is in the bucket, which would be said otherwise.
    const error = await refusal({}, question)
    assert.match(error.message, message)
    assert.match(error.hint ?? '', hint)
  }
  assert.match((await refusal({}, "select 'a'::integer")).message, /Conversion Error: Could not convert string 'a'/)
})

test('before the first run has ended the tables have no rows, which is said; files without an index are an error', async () => {
  const { rows, lines, stderr } = await ask({}, 'select run_id from runs')
  assert.deepEqual([rows, stderr], [[], ''])
  assert.match(lines?.join('\n') ?? '', /^run_id\nNo run has ended yet: the history begins with the end of the first one\./m)
  const json = await ask({}, 'select count(*) as n from nodes', { globals: { json: true } })
  assert.deepEqual(json.rows, [{ n: 0 }])
  assert.match(json.stderr, /^No run has ended yet/)
  const objects = makeHistory({ runs: [runRow('2026-10-01T00:00:00Z')] })
  delete objects[HISTORY_KEY.index]
  const lost = await refusal(objects, 'select 1 from runs')
  assert.match(lost.message, /The history has files, and no index/)
  assert.match(lost.hint ?? '', /tidemill history rebuild/)
})

test('answers: a table for people with a word on what was left out, JSON and CSV for programs', async () => {
  const rows = Array.from({ length: 150 }, (_, i) => runRow(new Date(Date.UTC(2026, 9, 1, 0, i)).toISOString()))
  const hostile = '\u001b[31mred\u202e, "quoted"\nline'
  const [first] = rows as [Row]
  const objects = makeHistory(
    { runs: [{ ...first, message: hostile, nodes: 7, usd: 0.25 }, ...rows.slice(1)] },
    { days: ['2026-10-01'] },
  )
  const table = await ask(objects, 'select run_id, status from runs order by run_id')
  assert.deepEqual([table.lines.length, table.lines[0]], [102, 'run_id                        status'])
  assert.match(table.lines.at(-1) ?? '', /more than these 100 rows; --count NUMBER/)
  const question =
    'select message, nodes, usd, count(*)::bigint as n, max(claimed_at) as at, max(day) as d from runs where nodes = 7 group by all'
  const people = await ask(objects, question)
  assert.match(people.lines[1] ?? '', /^red, "quoted" line +7 +0\.25 +1 {2}2026-10-01T00:00:00Z {2}2026-10-01$/)
  const json = await ask(objects, question, { globals: { json: true } })
  assert.deepEqual(json.rows, [{ message: hostile, nodes: 7, usd: 0.25, n: 1, at: '2026-10-01T00:00:00Z', d: '2026-10-01' }])
  const csv = await ask(objects, question, { options: { csv: true } })
  assert.equal(
    csv.lines.join('\n'),
    `message,nodes,usd,n,at,d\n"${hostile.replaceAll('"', '""')}",7,0.25,1,2026-10-01T00:00:00Z,2026-10-01`,
  )
  const two = await ask(objects, 'from runs', { options: { csv: true, count: '2' } })
  assert.deepEqual([two.lines.length, two.stderr], [3, 'There are more than these 2 rows; --count NUMBER gives more.\n'])
  const exact = await ask(objects, 'from runs', { options: { count: '150' } })
  assert.match(exact.lines.at(-1) ?? '', /^150 rows, /)
})

test('an answer that would be a text of gigabytes is cut, with a word', { timeout: 60_000 }, async () => {
  const objects = makeHistory({ runs: [runRow('2026-11-20T02:00:00Z')] })
  const question = "select repeat('x', 20000) as a from range(1000000), runs"
  const { lines, stderr, cut, rows } = await ask(objects, question, { options: { csv: true } })
  assert.deepEqual([cut, rows.length, lines.length], [true, 6710, 6711])
  assert.match(stderr, /^There are more than these 6,710 rows of 1\d\d MB in all: ask for fewer columns, or in parts\.\n$/)
})

test('the question comes as a word, from a file or on stdin', async () => {
  const objects = makeHistory({ runs: [runRow('2026-11-20T02:00:00Z')] })
  mkdirSync(join(root, 'questions'))
  writeFileSync(join(root, 'questions/q.sql'), '-- how many\nselect count(*) n from runs;\n')
  const wanted = [{ n: 1 }]
  const file = await ask(objects, undefined, { options: { file: 'q.sql' }, effects: { cwd: join(root, 'questions') } })
  const stdin = await ask(objects, '-', { effects: { readInput: async () => 'select count(*) n from runs' } })
  assert.deepEqual([file.rows, stdin.rows], [wanted, wanted])
  await assert.rejects(ask(objects, undefined), UserError)
  await assert.rejects(ask(objects, 'from runs', { options: { file: 'q.sql' } }), UserError)
  await assert.rejects(ask(objects, 'from runs', { options: { count: '0' } }), UserError)
})

test('columns that an older file lacks are NULL', async () => {
  const objects = makeHistory({ runs: [runRow('2026-11-20T02:00:00Z', { usd: 1 })] })
  const key = Object.keys(objects).find(name => name.includes('/runs/')) ?? ''
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const [from, to] = [join(root, 'new.parquet'), join(root, 'old.parquet')]
  writeFileSync(from, objects[key] ?? '')
  await connection.run(`COPY (SELECT * EXCLUDE (usd, engine) FROM '${from}') TO '${to}'`)
  connection.closeSync()
  objects[key] = readFileSync(to)
  assert.deepEqual((await ask(objects, 'select status, usd, engine from runs')).rows, [
    { status: 'success', usd: null, engine: null },
  ])
})

test('Ctrl-C ends a question that takes long', async () => {
  const objects = makeHistory({ runs: [runRow('2026-11-20T02:00:00Z')] })
  const interrupt = new AbortController()
  setTimeout(() => interrupt.abort(), 300)
  const question = 'select count(*) from runs, range(10000000) a, range(10000000) b where a.range + b.range = 3'
  const began = performance.now()
  await assert.rejects(
    ask(objects, question, { effects: { interrupt: interrupt.signal } }),
    (error: unknown) => error instanceof UserError && error.exitCode === 130,
  )
  assert.ok(performance.now() - began < 3000)
})
