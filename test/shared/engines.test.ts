import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ADAPTERS } from '../../cli/init-adapters.ts'
import { ENGINES } from '../../shared/config-values.ts'
import { CLOSED } from '../container/closed-warehouse.ts'
import { good, problem, yaml } from './config-helper.ts'

const LOCKS = join(import.meta.dirname, '../../container/requirements')
const withoutSuffix = (name: string) => name.replace(/\.txt$/, '')

test('an engine and an adapter that the configuration takes have a lock, and the other way round', () => {
  const locked = Object.fromEntries(
    readdirSync(LOCKS).map(engine => {
      const files = readdirSync(join(LOCKS, engine)).filter(name => name.endsWith('.txt'))
      return [engine, files.map(withoutSuffix).sort()]
    }),
  )
  assert.deepEqual(locked, ENGINES)
})

test('`tidemill init` has a profile to begin with for every adapter', () => {
  assert.deepEqual(Object.keys(ADAPTERS).sort(), [...new Set(Object.values(ENGINES).flat())].sort())
})

test('every package of a lock has one version and its hashes; libraries from npm have theirs', () => {
  for (const [engine, adapters] of Object.entries(ENGINES))
    for (const adapter of adapters) {
      const lock = readFileSync(join(LOCKS, engine, `${adapter}.txt`), 'utf8')
      const packages = lock.split(/\n(?=\S)/).filter(part => !part.startsWith('#') && part.trim() !== '')
      assert.ok(packages.length > 0, `${engine}/${adapter}`)
      for (const part of packages)
        assert.match(part, /^[\w.-]+(\[[\w,]+\])?==\S+( ;[^\n\\]*)? \\\n\s+--hash=sha256:[0-9a-f]{64}/, `${engine}/${adapter}`)
      const library = join(LOCKS, engine, adapter, 'package-lock.json')
      if (!existsSync(library)) continue
      const { packages: modules } = JSON.parse(readFileSync(library, 'utf8'))
      const entries = Object.entries(modules as Record<string, { integrity?: string; resolved?: string }>).filter(
        ([name]) => name !== '',
      )
      assert.ok(entries.length > 0)
      for (const [name, { integrity, resolved }] of entries) {
        assert.match(integrity ?? '', /^sha512-/, name)
        assert.equal(resolved, undefined, 'the address of a registry is no part of a lock')
      }
    }
})

test('the packages of an engine that two adapters share have one version: any set of them fits into one image', () => {
  for (const [engine, adapters] of Object.entries(ENGINES)) {
    const versions = new Map<string, string>()
    for (const adapter of adapters)
      for (const [line, name = '', version = ''] of readFileSync(join(LOCKS, engine, `${adapter}.txt`), 'utf8').matchAll(
        /^([\w.-]+)(?:\[[\w,]+\])?==(\S+)(?: ;.*)?/gm,
      )) {
        const marker = / ;(.*) \\/.exec(line)?.[1] ?? ''
        const key = `${name}${marker}`
        assert.equal(versions.get(key) ?? version, version, `${engine}/${adapter}: ${name}`)
        versions.set(key, version)
      }
  }
})

test('an engine that is not ready for everything says so when it is chosen; an adapter without a lock is refused', () => {
  const environment = (dbt: string) => yaml().replace('{ engine: core-1.11, adapters: [duckdb] }', dbt)
  const { warnings } = good(environment('{ engine: oss-2.0, adapters: [duckdb] }'))
  assert.match(warnings[0]?.message ?? '', /early release of dbt 2.*no docs.*image/)
  assert.deepEqual(good(environment('{ engine: core-1.12, adapters: [trino] }')).warnings, [])
  assert.match(
    problem(environment('{ engine: oss-2.0, adapters: [snowflake] }')),
    /"snowflake" is not an adapter with an image for oss-2\.0.*image/,
  )
})

test('docs/adapters.md has the versions of the locks, and every adapter is tried against a closed port', () => {
  const page = readFileSync(join(LOCKS, '../../docs/adapters.md'), 'utf8')
  const version = (engine: string, adapter: string, name: string) =>
    new RegExp(`^${name}==(\\S+)`, 'm').exec(readFileSync(join(LOCKS, engine, `${adapter}.txt`), 'utf8'))?.[1] ?? ''
  for (const [engine, adapters] of Object.entries(ENGINES)) {
    assert.ok(page.includes(`| \`${engine}\` | dbt-core ${version(engine, adapters[0] ?? '', 'dbt-core')} |`), engine)
    for (const adapter of adapters) {
      assert.ok(CLOSED[adapter], adapter)
      const own = version(engine, adapter, `dbt-${adapter}`)
      if (own) assert.ok(page.includes(`\n| ${adapter} | ${own} |`), `${engine}: ${adapter} ${own}`)
    }
  }
})
