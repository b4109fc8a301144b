import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { addOwners } from '../../container/runner/node-owners.ts'
import { nodeOfArtifact } from '../../container/runner/node-result.ts'
import { parseResult, parseSteps } from '../../shared/parse-result.ts'
import { LIMIT, type NodeResult } from '../../shared/run.ts'

const folder = mkdtempSync(join(tmpdir(), 'owners-'))
after(() => rmSync(folder, { recursive: true }))

const node = (uniqueId: string, over: Partial<NodeResult> = {}): NodeResult => ({
  uniqueId,
  name: uniqueId,
  resourceType: uniqueId.split('.')[0] ?? '',
  status: 'error',
  ...over,
})

/** As dbt 1.x writes it. `padding` moves the objects against the pieces in which the file is read. */
function writeManifest(padding: number): string {
  const model = {
    resource_type: 'model',
    package_name: 'shop',
    raw_code: `select '{"test.shop.b.1": {"meta": {"owner": "forged"}}' -- \\" } ${'x'.repeat(padding)}`,
    config: { group: 'finance', meta: { owner: ['ana', 'ben'], team: 7 } },
    tags: ['pii'],
  }
  const manifest = {
    parent_map: { 'model.shop.a': ['source.shop.raw.x'], 'test.shop.b.1': ['model.shop.a'] },
    nodes: {
      'model.shop.other': { ...model, config: {}, tags: [] },
      'model.shop.a': model,
      'test.shop.b.1': {
        resource_type: 'test',
        package_name: 'shop',
        attached_node: 'model.shop.a',
        tags: [],
        meta: { owner: 'cleo' },
      },
    },
    groups: { 'group.shop.finance': { name: 'finance', owner: { name: 'Fin Team', email: 'fin@acme.example' } } },
  }
  const path = join(folder, `${padding}.json`)
  writeFileSync(path, JSON.stringify(manifest).replace(/":/g, '": '))
  return path
}

test('owner, group, tags and meta come from the manifest, wherever its pieces are cut; a test has those of its model', async () => {
  for (const padding of [0, 65_000, 65_400, 65_536, 131_000, 200_000]) {
    const [model, check, other] = [node('model.shop.a'), node('test.shop.b.1', { status: 'fail' }), node('model.shop.other')]
    await addOwners(writeManifest(padding), [check, model, other, node('model.shop.gone')])
    const { owners, group, tags, meta } = model
    assert.deepEqual(
      [owners, group, tags, meta],
      [['ana', 'ben', 'Fin Team', 'fin@acme.example'], 'finance', ['pii'], { team: '7' }],
    )
    assert.deepEqual([check.owners, check.group], [['cleo', 'Fin Team', 'fin@acme.example'], 'finance'], String(padding))
    assert.deepEqual([other.owners, other.group, other.tags], [undefined, undefined, undefined])
  }
})

test('good nodes are not looked up, and without a manifest nothing changes', async () => {
  const good = node('model.shop.a', { status: 'success' })
  const failed = node('model.shop.a')
  await addOwners(writeManifest(1), [good])
  await addOwners(join(folder, 'none.json'), [failed])
  assert.deepEqual([good.owners, failed.owners], [undefined, undefined])
})

test('a stale source says its age and the limit it is beyond', () => {
  const criteria = { warn_after: { count: 3, period: 'hour' }, error_after: { count: 1, period: 'day' } }
  const source = (status: string) =>
    nodeOfArtifact({ unique_id: 'source.shop.raw.x', status, max_loaded_at_time_ago_in_s: 93_600, criteria })?.message
  assert.equal(source('warn'), 'last loaded 26 h ago, limit 3 hours')
  assert.equal(source('error'), 'last loaded 26 h ago, limit 1 day')
  assert.equal(source('pass'), 'last loaded 26 h ago')
})

test('what a container says of owners and warnings is bounded', () => {
  const long = 'o'.repeat(5000)
  const hostile = {
    ...node('model.shop.a'),
    owners: Array(100).fill(long),
    group: long,
    tags: Array(100).fill(long),
    meta: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, long])),
  }
  const text = JSON.stringify({ schemaVersion: 1, run: 'r', attempt: 1, outcome: 'error', failures: [hostile] })
  const [parsed] = parseResult(text, 'r', 1)?.failures ?? []
  assert.deepEqual(
    [parsed?.owners?.length, parsed?.group?.length, parsed?.tags?.length, Object.keys(parsed?.meta ?? {}).length],
    [5, 100, 20, 10],
  )
  assert.ok(JSON.stringify(parsed).length < 5000)
  const step = { index: 1, name: 'build', kind: 'dbt', status: 'warn', command: 'dbt build', warnings: Array(50).fill(hostile) }
  const steps = parseSteps([step, { ...step, index: 2 }, { ...step, index: 3, warnings: 'no list' }])
  assert.equal(steps.length, 3)
  assert.equal(steps.flatMap(each => each.warnings ?? []).length, LIMIT.failures)
})
