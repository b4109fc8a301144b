import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load, problems } from './config-helper.ts'

test('several files: wrong places, circles, missing files, one name twice', () => {
  const file = (name: string, head = '') =>
    `version: 1\n${head}project: { name: ${name}, repository: "https://example.com/r.git" }\nenvironments: {}\njobs: {}\n`
  assert.match(
    problems(file('a', 'include: [b.yml]\n'))[0] ?? '',
    /^2:11 include\[0\] "b\.yml" does not exist \(looked for b\.yml\)/,
  )
  assert.match(
    problems(file('a', 'include: [b.yml]\n'), { 'b.yml': file('b', 'installation: x\n') })[0] ?? '',
    /^2:1 installation belongs to the whole installation; it stands only in tidemill\.yml/,
  )
  assert.match(
    problems(file('a', 'include: [b.yml]\n'), { 'b.yml': file('b', 'include: [tidemill.yml]\n') })[0] ?? '',
    /included already; each file once/,
  )
  assert.match(
    problems(file('a', 'include: [b.yml]\n'), { 'b.yml': file('a') })[0] ?? '',
    /"a" is the project of tidemill\.yml as well/,
  )
})

test('after a job of another project, by its full name, from a file beside', () => {
  const file = (
    name: string,
    options: string,
    head = '',
  ) => `version: 1\n${head}project: { name: ${name}, repository: "https://example.com/r.git" }
environments:\n  prod: { branch: main, dbt: { engine: core-1.11, adapters: [duckdb] }, profile: profiles.yml }
jobs:\n  close: { environment: prod, steps: [dbt build]${options} }\n`
  const profile = 'p: { target: x, outputs: { x: { type: duckdb } } }'
  const files = { '../finance/tidemill.yml': file('finance', ''), 'profiles.yml': profile, '../finance/profiles.yml': profile }
  const result = load(file('shop', ', after: { job: finance/close }', 'include: [../finance/tidemill.yml]\n'), files)
  assert.ok(result.ok)
  assert.equal(result.config.jobs['shop/close']?.after?.job, 'finance/close')
  assert.equal(result.config.environments['finance/prod']?.profiles, profile)
  const wrong = problems(file('shop', ', after: { job: finance/clos }', 'include: [../finance/tidemill.yml]\n'), files)
  assert.match(wrong[0] ?? '', /"finance\/clos" is not a job; did you mean "finance\/close"\?/)
})
