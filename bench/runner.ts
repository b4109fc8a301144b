/**
 * `npm run bench:runner`: the runner against dbt as people start it. Ratios are of runs that alternate, so that a busy machine
 * slows both. `-- --quick`: three pairs of the small project; `-- --pairs N`, `-- --only WORD`, `-- --json`.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBucket } from '../test/container/bucket.ts'
import { dbtVenv } from '../test/venv.ts'
import { type Figure, tableOf } from './figures.ts'
import { measureBuild, measureJob } from './runner-job.ts'
import { measureLog } from './runner-log.ts'
import { measureStop } from './runner-stop.ts'
import { type Bench, bundleRunner } from './start.ts'

const { argv } = process
const option = (name: string) => (argv.includes(name) ? argv[argv.indexOf(name) + 1] : undefined)
const quick = argv.includes('--quick')
const pairs = Number(option('--pairs') ?? (quick ? 3 : 7))
const only = option('--only') ?? ''

const folder = mkdtempSync(join(tmpdir(), 'tidemill-bench-'))
const bucket = await startBucket()
try {
  mkdirSync(join(folder, 'app'))
  const bench: Bench = { folder, venv: await dbtVenv('core-1.11', 'duckdb'), runner: await bundleRunner(folder), bucket }
  const parts: [string, () => Promise<Figure[]>][] = [
    ['log', () => measureLog(bench, pairs)],
    ['build', () => measureBuild(bench, pairs, say)],
    ['job-200', () => measureJob(bench, { models: 200, tests: 100, cold: 0.5, warm: 0.42, build: 1 }, pairs, say)],
    ...(quick
      ? []
      : ([
          ['stop', () => measureStop(bench, pairs, say)],
          ['job-1000', () => measureJob(bench, { models: 1000, tests: 500, cold: 0.75, warm: 0.68 }, pairs, say)],
        ] as [string, () => Promise<Figure[]>][])),
  ]
  const figures: Figure[] = []
  for (const [name, measure] of parts) if (name.startsWith(only)) figures.push(...(await measure()))
  console.log(argv.includes('--json') ? JSON.stringify({ figures }, null, 1) : `${machine()}\n\n${tableOf(figures)}`)
} finally {
  bucket.close()
  rmSync(folder, { recursive: true, force: true })
}

function say(text: string): void {
  process.stderr.write(`◔ ${text}\n`)
}

function machine(): string {
  const [first] = cpus()
  return `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${first?.model ?? 'unknown'}, Node ${process.version}, dbt-core 1.11.16 with DuckDB, 4 threads`
}
