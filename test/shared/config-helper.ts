import assert from 'node:assert/strict'
import { loadConfig, type Problem } from '../../shared/config.ts'
import type { Config } from '../../shared/config-model.ts'

export type Files = Record<string, string>

export const load = (text: string, files: Files = {}) => loadConfig({ path: 'tidemill.yml', text, read: path => files[path] })

export function good(text: string, files: Files = {}): { config: Config; warnings: Problem[] } {
  const result = load(text, files)
  assert.ok(result.ok, JSON.stringify(result.ok || result.problems, null, 1))
  return result
}

/** Problems as `line:column path message`. */
export function problems(text: string, files: Files = {}): string[] {
  const result = load(text, files)
  assert.ok(!result.ok, 'expected problems')
  return result.problems.map(({ line, column, path, message }) => `${line}:${column} ${path} ${message}`)
}

/** A small correct file; `jobs`, `environment` and `more` are put in as they are. */
export const yaml = (parts: { jobs?: string; environment?: string; project?: string; more?: string } = {}) => `version: 1
project:
  name: shop
  repository: https://example.com/acme/shop.git
${parts.project ?? ''}
environments:
  prod:
    branch: main
    dbt: { engine: core-1.11, adapters: [duckdb] }
${parts.environment ?? ''}
jobs:
${parts.jobs ?? '  nightly: { environment: prod, steps: [dbt build] }'}
${parts.more ?? 'notifications: { email: [data@example.com] }'}
`

/** One job whose options are `options`, in YAML's flow form. */
export const job = (options: string) => yaml({ jobs: `  nightly: { environment: prod, steps: [dbt build], ${options} }` })

/** The one problem of a file, without its place. */
export function problem(text: string, files: Files = {}): string {
  const found = problems(text, files)
  assert.equal(found.length, 1, found.join('\n'))
  return (found[0] ?? '').replace(/^\d+:\d+ /, '')
}

/** A small linear congruential generator: the same trials every time. */
export function generator(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
