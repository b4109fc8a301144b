/**
 * `npm run bench:runner`: the runner against dbt as people start it. Ratios are of runs that alternate, so that a busy machine
 * slows both. Options are in docs/benchmarks.md.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dbtVenv } from '../test/venv.ts'
import { startCloud } from './cloud.ts'
import { measure, readOptions } from './rounds.ts'
import { buildPart, jobPart } from './runner-job.ts'
import { logPart } from './runner-log.ts'
import { stopPart } from './runner-stop.ts'
import { type Bench, bundleRunner } from './start.ts'

const options = readOptions(process.argv)
const { pairs, quick } = options
const folder = mkdtempSync(join(tmpdir(), 'tidemill-bench-'))
const cloud = await startCloud(folder)
const close = () => cloud.close().finally(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close().finally(() => process.exit(130)))
try {
  mkdirSync(join(folder, 'app'))
  const bench: Bench = { folder, venv: await dbtVenv('core-1.11', 'duckdb'), runner: await bundleRunner(folder), cloud }
  const large = quick ? [] : [stopPart(bench, pairs), jobPart(bench, { models: 1000, tests: 500, cold: 0.75, warm: 0.68 }, pairs)]
  const parts = [
    logPart(bench, pairs),
    buildPart(bench, pairs),
    jobPart(bench, { models: 200, tests: 100, cold: 0.5, warm: 0.42, build: 1 }, pairs),
    ...large,
  ]
  await measure(parts, options, text => process.stderr.write(`◔ ${text}\n`))
} finally {
  await close()
}
