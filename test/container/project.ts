/** Small dbt projects in git repositories, made for one test each and removed after it. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Path in the repository to text. */
export type Files = Record<string, string>

const GIT = [
  '-c',
  'user.name=A. Author',
  '-c',
  'user.email=author@example.com',
  '-c',
  'commit.gpgsign=false',
  '-c',
  'init.defaultBranch=main',
]

export interface Repository {
  dir: string
  url: string
  git(...args: string[]): string
  commit(files: Files, subject: string): string
}

export function makeFolder(after: (fn: () => void) => void): string {
  const dir = mkdtempSync(join(tmpdir(), 'tidemill-test-'))
  after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A folder, and what else is cleaned up after the test, last first: hooks alone run in their order, the folder's own first. */
export function makeCleanFolder(after: (fn: () => void) => void): { folder: string; later(fn: () => void): void } {
  const cleanUps: (() => void)[] = []
  after(() => {
    for (const cleanUp of cleanUps.reverse()) cleanUp()
  })
  return { folder: makeFolder(fn => cleanUps.push(fn)), later: fn => void cleanUps.push(fn) }
}

export function makeRepository(folder: string, files: Files): Repository {
  const dir = join(folder, 'repository')
  mkdirSync(dir, { recursive: true })
  const env = { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  const git = (...args: string[]) =>
    execFileSync('git', [...GIT, ...args], { cwd: dir, env, encoding: 'utf8', timeout: 20_000, stdio: 'pipe' }).trim()
  const commit = (changed: Files, subject: string) => {
    for (const [path, text] of Object.entries(changed)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true })
      writeFileSync(join(dir, path), text)
    }
    git('add', '-A', '-f')
    git('commit', '-q', '-m', subject)
    return git('rev-parse', 'HEAD')
  }
  git('init', '-q')
  commit(files, 'first')
  return { dir, url: pathToFileURL(dir).href, git, commit }
}

/** Two models, one downstream of the other, and a test of the first. */
export const SHOP: Files = {
  'dbt_project.yml': `
name: shop
version: '1.0'
profile: shop
models: { shop: { +materialized: table } }
`,
  'models/orders.sql': 'select 1 as id, 10 as amount',
  'models/totals.sql': "select sum(amount) as total from {{ ref('orders') }}",
  'models/models.yml': `
models:
  - name: orders
    columns: [{ name: id, data_tests: [unique] }]
`,
}

/** A `.env`, which dbt from 1.12 on reads where it is started, and a model that fails where it was read. */
export const DOTENV: Files = {
  '.env': 'FROM_DOTENV=1\n',
  'models/dotenv.sql':
    "{% if env_var('FROM_DOTENV', '') %}{{ exceptions.raise_compiler_error('read') }}{% endif %} select 1 as id",
}

/** The file is given by a variable, as a relative one would be lost with the run. */
export const DUCKDB_PROFILE = `
shop:
  target: prod
  outputs:
    prod: { type: duckdb, path: "{{ env_var('SHOP_DB') }}", threads: 2 }
`
