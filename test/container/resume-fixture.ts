/** A chain of models that takes its time, and the next attempt as finisher and dispatcher make it. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { KEY } from '../../shared/contract.ts'
import type { PartLine, Plan } from '../../shared/plan.ts'
import { makeRebuilder } from '../../shared/rebuild.ts'
import { type AttemptLedger, makeResume } from '../../shared/resume.ts'
import type { Bucket } from './bucket.ts'
import type { Files } from './project.ts'
import { readParts, VENV } from './runner.ts'

/** Each model takes a second, so that parts reach the bucket on the way, and writes down in a table of its own file that it was built. */
export const SLEEP = 'select count(sleep_ms(1000))'
const MODELS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

export const CHAIN: Files = {
  'dbt_project.yml': `
name: shop
version: '1.0'
profile: shop
models: { shop: { +materialized: table, +post-hook: "insert into built values ('{{ this.identifier }}')" } }
seeds: { shop: { +post-hook: "insert into built values ('{{ this.identifier }}')" } }
on-run-start: "create table if not exists built (name varchar)"
`,
  'seeds/numbers.csv': 'id\n1\n2\n',
  ...Object.fromEntries(
    MODELS.map((name, i) => [
      `models/${name}.sql`,
      `select id, (${SLEEP}) as n from {{ ref('${i === 0 ? 'numbers' : MODELS[i - 1]}') }}`,
    ]),
  ),
  'models/apart.sql': 'select 1 as id',
  'models/thin.sql': "{{ config(materialized='ephemeral') }} select * from {{ ref('h') }}",
  'models/last.sql': "select * from {{ ref('thin') }}",
  'snapshots/snap.yml': `
snapshots:
  - name: snap
    relation: ref('h')
    config: { unique_key: id, strategy: check, check_cols: all }
`,
  'models/models.yml': `
models:
  - name: c
    columns: [{ name: id, data_tests: [unique, not_null] }]
  - name: h
    columns: [{ name: id, data_tests: [unique] }]
unit_tests:
  - name: keeps_ids
    model: h
    given: [{ input: ref('g'), rows: [{ id: 1, n: 2 }] }]
    expect: { rows: [{ id: 1 }] }
`,
}

export function ledgerOf(bucket: Bucket, plan: Plan): AttemptLedger {
  const rebuilder = makeRebuilder()
  for (const line of readParts(bucket, plan)) rebuilder.add(line)
  return { attempt: plan.attempt, ...rebuilder.finish() }
}

/** The plan of the next attempt, as finisher and dispatcher make it. */
export function nextPlan(bucket: Bucket, plan: Plan, ledgers: AttemptLedger[]): { plan: Plan; left: number | undefined } {
  const made = makeResume(plan.run.id, ledgers)
  const attempt = plan.attempt + 1
  const prefixes = { ...plan.prefixes, attempt: KEY.attempt(plan.run, attempt) }
  if (!made) return { plan: { ...plan, attempt, prefixes }, left: undefined }
  const text = JSON.stringify(made.resume)
  const sha256 = createHash('sha256').update(text).digest('hex')
  const key = KEY.resume(plan.run, plan.attempt, sha256)
  bucket.put(key, text)
  const commit = ledgers.findLast(each => each.commit)?.commit?.sha ?? ''
  return {
    plan: { ...plan, attempt, prefixes, repository: { ...plan.repository, commit }, resume: { key, sha256 } },
    left: made.left,
  }
}

export function query(file: string, sql: string): string[] {
  const script =
    'import duckdb, sys; [print(*row) for row in duckdb.connect(sys.argv[1], read_only=True).execute(sys.argv[2]).fetchall()]'
  return execFileSync(join(VENV, 'bin/python'), ['-c', script, file, sql], { encoding: 'utf8', timeout: 20_000 })
    .split('\n')
    .filter(Boolean)
}

export const succeeded = (lines: PartLine[]) =>
  lines.flatMap(line => (line.type === 'node' && line.step === 2 && line.status === 'success' ? [line.uniqueId] : []))

/** Children of a process: of the runner, dbt and git, each with a group of its own. */
export const childrenOf = (pid: number): number[] =>
  execFileSync('sh', ['-c', `cat /proc/${pid}/task/*/children`], { encoding: 'utf8' })
    .split(/\s+/)
    .filter(Boolean)
    .map(Number)

export function killGroups(pids: readonly number[]): void {
  for (const pid of pids)
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It had ended.
    }
}

/** The runner and what it started, as when a container goes. */
export function killAll(runner: number): void {
  const children = childrenOf(runner)
  process.kill(runner, 'SIGKILL')
  killGroups(children)
}
