import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Bucket, startBucket } from './bucket.ts'
import { makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, startRunner, step } from './runner.ts'

let bucket: Bucket
before(async () => {
  bucket = await startBucket()
})
after(() => bucket.close())

const OPTIONS = { timeout: 90_000 }

test('a project in a folder, at a commit that is not the newest, by a part of its hash', OPTIONS, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const repository = makeRepository(folder, Object.fromEntries(Object.entries(SHOP).map(([path, text]) => [`dbt/${path}`, text])))
  const sha = repository.git('rev-parse', 'HEAD')
  repository.commit({ 'dbt/models/orders.sql': 'select broken' }, 'second')
  for (const commit of [sha, sha.slice(0, 8)]) {
    bucket.objects.clear()
    const plan = makePlan(repository, folder, { steps: [step(0, 'checkout'), step(1, 'dbt', ['parse'])] })
    const end = await startRunner(bucket, { ...plan, repository: { ...plan.repository, folder: 'dbt', commit } }, folder).end
    assert.equal(end.result?.outcome, 'success', end.output)
    assert.equal(end.result?.commit?.sha, sha)
  }
})

test('a project in a folder that takes a package from beside it', OPTIONS, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const repository = makeRepository(folder, {
    ...Object.fromEntries(Object.entries(SHOP).map(([path, text]) => [`dbt/${path}`, text])),
    'dbt/packages.yml': 'packages: [{ local: ../shared }]',
    'dbt/models/doubled.sql': "select {{ shared.twice('id') }} as id from {{ ref('orders') }}",
    'shared/dbt_project.yml': "name: shared\nversion: '1.0'",
    'shared/macros/twice.sql': '{% macro twice(column) %}2 * {{ column }}{% endmacro %}',
  })
  bucket.objects.clear()
  const plan = makePlan(repository, folder)
  const end = await startRunner(bucket, { ...plan, repository: { ...plan.repository, folder: 'dbt' } }, folder).end
  assert.equal(end.result?.outcome, 'success', end.output)
  assert.ok(end.lines.some(line => line.type === 'node' && line.name === 'doubled' && line.status === 'success'))
})
