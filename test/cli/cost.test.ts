import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { costCommand } from '../../cli/cost.ts'
import { UserError } from '../../shared/errors.ts'
import { fakeConnection, fakeContext, input } from './fakes.ts'

const CONFIG = `version: 1
project: { name: shop, repository: "https://git.acme.example/shop.git" }
environments:
  prod: { branch: main, dbt: { engine: core-1.11, adapters: [duckdb] }, size: { cpu: 1, memory: 2 GB } }
jobs:
  nightly: { environment: prod, steps: [dbt build], schedule: { cron: "0 2 * * *", timezone: Europe/Berlin } }
  after: { environment: prod, steps: [dbt build], after: { job: nightly } }
`

test('cost --estimate: idle, a run, a month of each job, from tidemill.yml alone', async t => {
  const cwd = mkdtempSync(join(tmpdir(), 'tidemill-cost-'))
  t.after(() => rmSync(cwd, { recursive: true, force: true }))
  writeFileSync(join(cwd, 'tidemill.yml'), CONFIG)
  const estimate = async (options: Record<string, unknown>) =>
    costCommand.run(fakeContext(fakeConnection({}), { effects: { cwd } }), input({}, { estimate: true, ...options }))
  const { lines, document } = await estimate({})
  const { jobs, idleMonth, month } = document as {
    jobs: { runs: number; container: number; month: number }[]
    idleMonth: number
    month: number
  }
  assert.deepEqual(
    jobs.map(job => job.runs),
    [30, 0],
  )
  // 10 min of 1 ARM vCPU, 2 GB and an address: 0.03238 + 2 × 0.00356 + 0.005 USD an hour.
  assert.equal(jobs[0]?.container.toFixed(5), '0.00742')
  assert.ok(idleMonth > 0.4 && idleMonth <= 0.5)
  assert.equal(month.toFixed(6), (idleMonth + (jobs[0]?.month ?? 0)).toFixed(6))
  assert.match(lines[0] ?? '', /us-east-1 without any free tier/)
  assert.match(lines.join('\n'), /0\.40 USD {2}4 alarms\n[\s\S]*shop\/after +not by a schedule/)
  const longer = (await estimate({ minutes: '60' })).document as { jobs: { container: number }[] }
  assert.equal(((longer.jobs[0]?.container ?? 0) / (jobs[0]?.container ?? 1)).toFixed(3), '6.000')
  for (const options of [{ minutes: '0' }, { minutes: 'x' }, { logMb: '-1' }, { estimate: false }])
    await assert.rejects(estimate(options), UserError)
})
