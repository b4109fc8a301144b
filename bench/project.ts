/** The dbt projects of the benchmarks: views on DuckDB in layers, one seed, one source with freshness, tests on half of the models. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Cloud, publish } from './cloud.ts'

export interface BenchProject {
  name: string
  models: number
  dir: string
  /** On the git host. */
  url: string
  profiles: string
  /** Database with the source's table; each run begins with a copy. */
  database: string
}

export interface Place {
  folder: string
  venv: string
  cloud: Cloud
}

/** `tests`: at most one a model. */
export function makeProject(place: Place, models: number, tests: number): BenchProject {
  const files: Record<string, string> = {
    'dbt_project.yml': "name: bench\nversion: '1.0'\nprofile: bench\nflags: { send_anonymous_usage_stats: false }\n",
    'seeds/countries.csv': `id,name\n${Array.from({ length: 50 }, (_, i) => `${i},name ${i}`).join('\n')}\n`,
    'models/sources.yml': SOURCES,
    'models/tests.yml': testsOf(models, tests),
  }
  for (let i = 0; i < models; i++) files[`models/layer_${layerOf(i)}/model_${i}.sql`] = sqlOf(i)
  return writeProject(place, `models-${models}`, models, files)
}

/** Committed and on the git host. */
export function writeProject(place: Place, name: string, models: number, files: Record<string, string>): BenchProject {
  const { folder, venv } = place
  const [dir, profiles, database] = [join(folder, name), join(folder, 'profiles'), join(folder, 'source.duckdb')]
  rmSync(dir, { recursive: true, force: true })
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), text)
  }
  mkdirSync(profiles, { recursive: true })
  writeFileSync(join(profiles, 'profiles.yml'), PROFILE)
  git(dir, 'init', '-q', '-b', 'main')
  commit(dir, 'first')
  const script =
    'import duckdb, sys; duckdb.connect(sys.argv[1]).execute("create table loads as select now()::timestamp as loaded_at")'
  if (!existsSync(database)) execFileSync(join(venv, 'bin/python'), ['-c', script, database])
  return { name, models, dir, url: publish(place.cloud, dir, name), profiles, database }
}

export const PROFILE = `
bench:
  target: prod
  outputs:
    prod: { type: duckdb, path: "{{ env_var('BENCH_DB') }}", threads: 4 }
`

/** A commit that changes one model in the middle, pushed. */
export function changeOneModel({ cloud }: Place, { name, dir, models }: BenchProject, round: number): void {
  const i = Math.floor(models / 2)
  writeFileSync(join(dir, `models/layer_${layerOf(i)}/model_${i}.sql`), `${sqlOf(i)}\n-- ${round}\n`)
  commit(dir, `change ${round}`)
  publish(cloud, dir, name)
}

const LAYER = 20
const layerOf = (i: number) => Math.floor(i / LAYER)
/** Of the layer before, two models; the first layer reads seed and source. */
function sqlOf(i: number): string {
  if (i < LAYER) return `select id, name, ${i} as n from {{ ref('countries') }} cross join {{ source('raw', 'loads') }}`
  const before = (layerOf(i) - 1) * LAYER
  const [a, b] = [before + (i % LAYER), before + ((i + 7) % LAYER)]
  return `select a.id, a.name, a.n + ${i} as n\nfrom {{ ref('model_${a}') }} a\nleft join (select distinct id from {{ ref('countries') }}) b using (id) -- {{ ref('model_${b}') }}`
}

function testsOf(models: number, tests: number): string {
  const tested = Array.from({ length: Math.min(models, tests) }, (_, i) => i)
  const entries = tested.map(
    i => `  - { name: model_${i}, description: "Model ${i}", columns: [{ name: id, data_tests: [not_null] }] }`,
  )
  return `models:\n${entries.join('\n')}\n`
}

const SOURCES = `
sources:
  - name: raw
    schema: main
    tables:
      - name: loads
        config: { loaded_at_field: loaded_at, freshness: { warn_after: { count: 7, period: day } } }
`

function git(dir: string, ...args: string[]): void {
  const env = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  const author = ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.com']
  execFileSync('git', [...author, ...args], { cwd: dir, env, stdio: 'ignore', timeout: 60_000 })
}

function commit(dir: string, subject: string): void {
  git(dir, 'add', '-A')
  git(dir, 'commit', '-q', '-m', subject)
}
