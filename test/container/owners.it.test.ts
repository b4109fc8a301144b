/** What real dbt says of failing nodes, warnings and stale sources, as the message needs it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBucket } from './bucket.ts'
import { makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, startRunner, step } from './runner.ts'

const FILES = {
  ...SHOP,
  'seeds/loads.csv': 'loaded_at\n2020-01-01 00:00:00\n',
  'models/broken.sql': "select cast('forty' as integer) as id",
  'models/schema.yml': `
groups:
  - name: finance
    owner: { name: Finance, email: finance@example.com }
models:
  - name: broken
    config: { group: finance, meta: { owner: ana, team: close }, tags: [pii] }
  - name: totals
    columns: [{ name: total, data_tests: [{ accepted_values: { arguments: { values: [1] }, config: { severity: warn } } }] }]
sources:
  - name: raw
    schema: main
    tables:
      - name: loads
        config:
          loaded_at_field: loaded_at
          meta: { owner: loaders }
          freshness: { warn_after: { count: 1, period: hour }, error_after: { count: 2, period: day } }
`,
}

test('failing nodes say whose they are, and steps what warned and which sources are stale', { timeout: 120_000 }, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const plan = makePlan(makeRepository(folder, FILES), folder, {
    steps: [step(0, 'checkout'), step(1, 'dbt', ['seed']), step(2, 'freshness', [], false), step(3, 'dbt', ['build'])],
  })
  const { result, output, lines } = await startRunner(bucket, plan, folder).end
  const [broken] = result?.failures ?? []
  const { name, owners, group, tags, meta } = broken ?? assert.fail(output)
  assert.deepEqual(
    { name, owners, group, tags, meta },
    {
      name: 'broken',
      owners: ['ana', 'Finance', 'finance@example.com'],
      group: 'finance',
      tags: ['pii'],
      meta: { owner: 'ana', team: 'close' },
    },
  )
  // The next attempt of a run that was cut off goes by the parts.
  assert.ok(lines.some(line => line.type === 'node' && line.name === 'broken' && line.group === 'finance'))
  const [, , freshness, build] = result?.steps ?? []
  const [source] = freshness?.warnings ?? []
  assert.deepEqual([source?.name, source?.resourceType, source?.owners], ['raw.loads', 'source', ['loaders']])
  assert.match(source?.message ?? '', /^last loaded \d+ h ago, limit 2 days$/)
  assert.deepEqual(
    build?.warnings?.map(node => [node.resourceType, node.status]),
    [['test', 'warn']],
  )
})
