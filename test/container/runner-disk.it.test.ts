import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ENV } from '../../shared/contract.ts'
import { startBucket } from './bucket.ts'
import { makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, startRunner } from './runner.ts'

const MEGABYTES = 48

/** A file system of its own of that size; false where none may be mounted. */
function mountSmall(dir: string): boolean {
  mkdirSync(dir)
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${MEGABYTES}m`, 'tmpfs', dir]).status === 0
}

test('fault 27: a model fills the disk: the reason is told, and the log is stored to its end', { timeout: 90_000 }, async t => {
  const folder = makeFolder(remove =>
    t.after(() => {
      spawnSync('umount', ['-l', join(folder, 'small')])
      remove()
    }),
  )
  const work = join(folder, 'small')
  if (!mountSmall(work)) return t.skip('needs the right to mount a file system')
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const large = 'select i, md5(random()::varchar) as a, md5(random()::varchar) as b from range(4000000) r(i)'
  const repository = makeRepository(folder, { ...SHOP, 'models/large.sql': large })
  const plan = makePlan(repository, folder)
  plan.variables.SHOP_DB = join(work, 'shop.duckdb')
  const end = await startRunner(bucket, plan, folder, { [ENV.workDir]: work }).end
  assert.equal(end.result?.reason, 'disk_full', end.output)
  assert.match(end.result?.message ?? '', /The disk was full while dbt build ran/)
  const log = end.lines.flatMap(line => (line.type === 'log' ? [line.text] : [])).join('\n')
  assert.match(log, /large.*ERROR|ERROR.*large/)
  assert.equal(end.result?.artifactsIncomplete, false)
})
