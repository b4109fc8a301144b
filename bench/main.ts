/** What both benchmarks begin and end with. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dbtVenv } from '../test/venv.ts'
import { startCloud } from './cloud.ts'
import { measure, type Options, type Part, readOptions } from './rounds.ts'
import { type Bench, bundleRunner } from './start.ts'

export async function runBenchmark(partsOf: (bench: Bench, options: Options) => Part[]): Promise<void> {
  const options = readOptions(process.argv)
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-bench-'))
  const closers = [async () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 })]
  const close = async () => {
    for (let closer = closers.pop(); closer; closer = closers.pop()) await closer()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close().finally(() => process.exit(130)))
  try {
    mkdirSync(join(folder, 'app'))
    const cloud = await startCloud(folder)
    closers.push(cloud.close)
    const bench: Bench = {
      folder,
      venv: await dbtVenv('core-1.11', 'duckdb'),
      runner: await bundleRunner(folder),
      cloud,
      atEnd: closer => void closers.push(closer),
    }
    await measure(partsOf(bench, options), options, text => process.stderr.write(`◔ ${text}\n`))
  } finally {
    await close()
  }
}
