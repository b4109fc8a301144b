import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import * as z from 'zod'
import { jsonSchema, referencePage } from '../../shared/config-reference.ts'
import { EXAMPLE, HEADINGS } from '../../shared/config-reference-text.ts'
import { good, yaml } from './config-helper.ts'

const root = join(import.meta.dirname, '../..')
const stale = 'is stale: npm run generate'

test('the schema for editors and the reference page are those of the code', () => {
  assert.deepEqual(
    JSON.parse(readFileSync(join(root, 'schema/tidemill.schema.json'), 'utf8')),
    JSON.parse(JSON.stringify(jsonSchema())),
    `schema/tidemill.schema.json ${stale}`,
  )
  assert.equal(readFileSync(join(root, 'docs/configuration.md'), 'utf8'), referencePage(), `docs/configuration.md ${stale}`)
})

test('an editor that checks by the schema accepts the example and refuses what is unknown', () => {
  const schema = z.fromJSONSchema(JSON.parse(JSON.stringify(jsonSchema())))
  assert.deepEqual(schema.safeParse(parse(EXAMPLE)).error, undefined)
  const example = parse(EXAMPLE) as { jobs: { nightly: object } }
  for (const nightly of [
    { ...example.jobs.nightly, stepz: [] },
    { steps: ['dbt build'] },
    { ...example.jobs.nightly, overlap: 'x' },
  ])
    assert.equal(schema.safeParse({ ...example, jobs: { nightly } }).success, false, JSON.stringify(nightly))
})

test('every option is described, and every object of the page has a heading that links reach', () => {
  const page = referencePage()
  const headings = new Set(
    [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading.toLowerCase().replaceAll(' ', '-')),
  )
  for (const [, target = ''] of page.matchAll(/\]\(#([^)]*)\)/g)) assert.ok(headings.has(target), target)
  for (const line of page.split('\n').filter(each => /^\| \[?`/.test(each)))
    assert.ok((line.split(' | ')[1] ?? '').length > 5, line)
  assert.ok(!page.includes('.<name>`'), 'an object without a heading')
})

test('the examples of the page are good', () => {
  const example = (path: string) => parse(HEADINGS[path]?.example ?? '') as Record<string, unknown>
  const start = parse(
    yaml({ more: 'notifications: { slack: { secret: x }, email: [a@example.com], pagerduty: { secret: y } }' }),
  ) as Record<string, Record<string, unknown>>
  const check = (file: object) => good(JSON.stringify(file), { 'profiles.yml': 'a: { outputs: { prod: { type: snowflake } } }' })
  check({ ...start, ...example('project') })
  check({ ...start, ...example('environments.<name>') })
  check({ ...start, ...example('jobs.<name>') })
  for (const path of ['notifications', 'notifications.teams', 'notifications.pagerduty', 'notifications.webhook'])
    check({ ...start, notifications: {}, ...(path === 'notifications' ? example(path) : { notifications: example(path) }) })
  for (const part of ['schedule', 'notify'])
    check({ ...start, jobs: { a: { ...(start.jobs?.nightly as object), ...example(`jobs.<name>.${part}`) } } })
})
