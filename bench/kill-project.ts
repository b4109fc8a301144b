/** A project for runs that are killed: 30 models that each take most of a second, a seed, a snapshot and tests. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type BenchProject, type Place, writeProject } from './project.ts'

const LAYERS = 6
const WIDTH = 5
const BUILT = '"insert into built values (\'{{ this.identifier }}\')"'

export interface KillProject extends BenchProject {
  /** Of all nodes but hooks. */
  ids: string[]
}

export function makeKillProject(place: Place): KillProject {
  const models = Array.from({ length: LAYERS * WIDTH }, (_, i) => i)
  const tested = models.filter(i => i % WIDTH === 0)
  const project = writeProject(place, 'kill', LAYERS * WIDTH, {
    // The warehouse itself says what was built, and how often.
    'dbt_project.yml': `
name: bench
version: '1.0'
profile: bench
flags: { send_anonymous_usage_stats: false }
models: { bench: { +materialized: table, +post-hook: ${BUILT} } }
seeds: { bench: { +post-hook: ${BUILT} } }
snapshots: { bench: { +post-hook: ${BUILT} } }
on-run-start: "create table if not exists built (name varchar)"
`,
    'seeds/numbers.csv': 'id\n1\n2\n',
    'snapshots/kept.yml': `
snapshots:
  - name: kept
    relation: ref('model_7')
    config: { unique_key: id, strategy: check, check_cols: all }
`,
    'models/tests.yml': `models:\n${tested.map(i => `  - { name: model_${i}, columns: [{ name: id, data_tests: [unique] }] }`).join('\n')}\n`,
    ...Object.fromEntries(models.map(i => [`models/model_${i}.py`, codeOf(i)])),
  })
  const listed = dbt(place, project, ['ls', '--quiet', '--output', 'json', '--output-keys', 'unique_id'])
  const ids = listed.split('\n').flatMap(line => (line.startsWith('{') ? [String(JSON.parse(line).unique_id)] : []))
  if (ids.length !== models.length + tested.length + 2) throw new Error(`the project has other nodes than expected: ${ids}`)
  return { ...project, ids }
}

/** Sleeping, not computing: several runs go on side by side. */
const codeOf = (i: number) => `
import time

def model(dbt, session):
    before = dbt.ref("${i < WIDTH ? 'numbers' : `model_${i - WIDTH}`}")${i < WIDTH ? '' : `\n    dbt.ref("model_${i - (i % WIDTH) - WIDTH + ((i + 2) % WIDTH)}")`}
    time.sleep(0.8)
    return before
`

const dbt = ({ venv, folder }: Place, { dir, profiles, database }: BenchProject, args: string[]) =>
  execFileSync(join(venv, 'bin/dbt'), [...args, '--target-path', join(folder, 'listed'), '--log-path', join(folder, 'listed')], {
    cwd: dir,
    env: { PATH: process.env.PATH, DBT_PROFILES_DIR: profiles, BENCH_DB: database, DO_NOT_TRACK: '1' },
    encoding: 'utf8',
    timeout: 120_000,
  })

export function builtNames({ venv }: Place, database: string): string[] {
  const script =
    'import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); ' +
    'made = c.execute("select 1 from duckdb_tables() where table_name = \'built\'").fetchall(); ' +
    "[print(*row) for row in (c.execute('select name from built order by rowid').fetchall() if made else [])]"
  const options = { encoding: 'utf8' as const, timeout: 60_000 }
  return execFileSync(join(venv, 'bin/python'), ['-c', script, database], options).split('\n').filter(Boolean)
}
