import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { GlobalOptions } from '../../cli/command.ts'
import type { Effects } from '../../cli/effects.ts'
import { sqlCommand } from '../../cli/sql.ts'
import { UserError } from '../../shared/errors.ts'
import { HISTORY_KEY } from '../../shared/history-index.ts'
import { fakeConnection, fakeContext, type fakeSink, input } from './fakes.ts'
import { makeHistory, type Row, runRow } from './sql-history.ts'

const root = mkdtempSync(join(tmpdir(), 'tidemill-sql-'))
after(() => rmSync(root, { recursive: true, force: true }))

type Objects = Record<string, Uint8Array>
interface Options {
  cache?: string
  options?: Record<string, unknown>
  globals?: Partial<GlobalOptions>
  effects?: Partial<Effects>
  /** Before an object is read. */
  onRead?(key: string): void
}

let caches = 0
/** Asks, and says which reads that took. */
async function ask(objects: Objects, question: string | undefined, { cache, options, globals, effects, onRead }: Options = {}) {
  const connection = fakeConnection({ objects })
  const reads: { key: string; bytes: number }[] = []
  const { read } = connection.bucket
  connection.bucket.read = async (key, part, ifMatch) => {
    onRead?.(key)
    const answer = await read(key, part, ifMatch)
    reads.push({ key, bytes: answer?.bytes.length ?? 0 })
    return answer
  }
  const env = { TIDEMILL_CACHE: cache ?? join(root, String(++caches)) }
  const context = fakeContext(connection, { globals: globals ?? {}, effects: { env, ...effects } })
  const outcome = await sqlCommand.run(context, input({ question }, options ?? {}))
  const document = outcome.document as {
    columns: { name: string; type: string }[]
    rows: Record<string, unknown>[]
    cut: boolean
  }
  return { ...document, lines: outcome.lines, reads, stderr: (context.effects.stderr as ReturnType<typeof fakeSink>).text }
}

const refusal = async (objects: Objects, question: string): Promise<UserError> => {
  const error = await ask(objects, question).then(
    () => assert.fail('it was answered'),
    error => error,
  )
  if (error instanceof UserError) return error
  throw error
}

/** 60 runs in two months of 200 nodes each, whose messages no compression makes small. */
function largeHistory(): Objects {
  const noise = (text: string) => createHash('sha512').update(text).digest('base64')
  const runs = Array.from({ length: 60 }, (_, i) => runRow(new Date(Date.UTC(2026, 8, 1 + i, 2)).toISOString()))
  const nodes = runs.flatMap(run =>
    Array.from({ length: 200 }, (_, i) => ({
      ...run,
      unique_id: `model.shop.m${i}`,
      seconds: i,
      message: noise(`${run.run_id} ${i}`),
    })),
  )
  return makeHistory({ runs, nodes }, { months: ['2026-09', '2026-10'] })
}
const large = largeHistory()
const sum = (reads: { bytes: number }[]) => reads.reduce((total, { bytes }) => total + bytes, 0)
const isData = ({ key }: { key: string }) => key.endsWith('.parquet')
const totalOf = (objects: Objects, part: string) =>
  Object.entries(objects).reduce((total, [key, bytes]) => (key.includes(part) ? total + bytes.length : total), 0)

test('only the columns that a question reads are fetched, and once', async () => {
  const objects = large
  const cache = join(root, 'columns')
  const question = 'select count(distinct unique_id) as ids, sum(seconds) as total from nodes'
  const first = await ask(objects, question, { cache })
  assert.deepEqual(first.rows, [{ ids: 200, total: 60 * 19_900 }])
  assert.ok(first.reads.every(({ key }) => key.includes('/nodes/')))
  assert.ok(totalOf(objects, '/nodes/') > 900_000)
  const again = await ask(objects, question, { cache })
  assert.deepEqual([again.rows, again.reads.filter(isData)], [first.rows, []])
  // Other columns of the same files: the rest of them, to the last byte.
  const all = await ask(objects, 'select max(length(message)) as most, count(message) as n from nodes', { cache })
  assert.deepEqual(all.rows, [{ most: 88, n: 12_000 }])
  assert.ok(sum(first.reads) + sum(all.reads) <= totalOf(objects, '/nodes/') * 1.05)
})

test('files of days that the conditions leave out are not fetched', async () => {
  const objects = large
  for (const condition of [
    "day >= '2026-10-05'",
    "claimed_at > timestamptz '2026-10-05 01:00:00+00'",
    "run_id like '202610%'",
    "strftime(day, '%Y-%m') = '2026-10'",
    'day between date_trunc($$month$$, date $$2026-10-09$$) and last_day(date $$2026-10-09$$)',
  ]) {
    const { reads, rows } = await ask(objects, `select min(day) as first, count(*) as n from nodes where ${condition}`)
    const months = new Set(reads.map(({ key }) => /month=[\d-]+/.exec(key)?.[0]))
    assert.deepEqual([...months], ['month=2026-10'], condition)
    assert.match(String(rows[0]?.first), /^2026-10-/, condition)
  }
  // Not about the day alone: nothing may be left out.
  const { rows } = await ask(objects, "select count(*) n from nodes where day >= '2026-10-05' or seconds = 0")
  assert.deepEqual(rows, [{ n: 34 * 1 + 26 * 200 }])
})

test('of a file that is needed the row groups of other days are not fetched', async () => {
  const objects = large
  const of = async (condition: string) => {
    const { reads, rows } = await ask(objects, `select count(message) n, max(message) m from nodes where ${condition}`)
    return { bytes: sum(reads), n: rows[0]?.n }
  }
  const month = await of("day between '2026-09-01' and '2026-09-30'")
  const days = await of("day between '2026-09-01' and '2026-09-03'")
  assert.deepEqual([month.n, days.n], [6000, 600])
  assert.ok(days.bytes < month.bytes, `${days.bytes} of ${month.bytes}`)
})

test('a damaged cache, and one that a plan did not fill, are fetched anew', async () => {
  const objects = large
  const cache = join(root, 'damaged')
  const question = 'select sum(length(message)) n from nodes'
  const { rows } = await ask(objects, question, { cache })
  const folder = join(cache, 'sql')
  const sparse = readdirSync(folder).filter(name => name.endsWith('.sparse'))
  assert.equal(sparse.length, 2)
  for (const name of sparse) {
    const path = join(folder, name)
    const bytes = readFileSync(path)
    // As a crash of the machine may leave it: the ranges are noted, their bytes are not there.
    writeFileSync(path, bytes.fill(0, 0, bytes.length - 20_000))
  }
  const again = await ask(objects, question, { cache })
  assert.deepEqual(again.rows, rows)
  assert.ok(again.reads.length > 0)
})

test('files that a compaction replaced meanwhile: the index is read again, once', async () => {
  const runs = [runRow('2026-11-20T02:00:00Z'), runRow('2026-11-20T03:00:00Z')]
  const tail = makeHistory({ runs })
  const compacted = makeHistory({ runs }, { days: ['2026-11-20'] })
  const objects = { ...tail }
  const { rows } = await ask(objects, 'select count(*) n from runs', {
    onRead() {
      for (const key of Object.keys(tail)) delete objects[key]
      const index = JSON.parse(Buffer.from(compacted[HISTORY_KEY.index] ?? '').toString())
      Object.assign(objects, compacted, { [HISTORY_KEY.index]: Buffer.from(JSON.stringify({ ...index, at: 'later' })) })
    },
  })
  assert.deepEqual(rows, [{ n: 2 }])
  // Gone for good: said, not answered with fewer rows.
  delete tail[Object.keys(tail).find(key => key.includes('/runs/')) ?? '']
  assert.match((await refusal(tail, 'from runs')).message, /run=.* is in the index of the history and not in the bucket/)
})

test('a run that was opened again counts once, with its last end', async () => {
  const run = runRow('2026-11-20T02:00:00Z', { status: 'error' })
  const objects = makeHistory({ runs: [run, runRow('2026-11-20T03:00:00Z')] }, { days: ['2026-11-20'] })
  const again = makeHistory({ runs: [{ ...run, status: 'success' }] })
  const index = JSON.parse(Buffer.from(objects[HISTORY_KEY.index] ?? '').toString())
  index.days[0].tail = [run.run_id]
  Object.assign(objects, again, { [HISTORY_KEY.index]: Buffer.from(JSON.stringify(index)) })
  const { rows } = await ask(objects, 'select status, count(*) n from runs group by all')
  assert.deepEqual(rows, [{ status: 'success', n: 2 }])
})

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
  assert.match((await refusal({}, 'select 1 from runs')).message, /There is no history yet/)
  assert.match((await refusal({}, "select 'a'::integer")).message, /Conversion Error: Could not convert string 'a'/)
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
