/** What both benchmarks begin and end with. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dbtVenv } from '../test/venv.ts'
import { startCloud } from './cloud.ts'
import { measure, type Options, type Part, readOptions } from './rounds.ts'
import { type Bench, bundleRunner } from './start.ts'

export async function runBenchmark(partsOf: (options: Options) => Part[]): Promise<void> {
  const options = readOptions(process.argv)
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (let closer = closers.pop(); closer; closer = closers.pop()) await closer()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close().finally(() => process.exit(130)))
  let opened: Promise<Bench> | undefined
  try {
    await measure(partsOf(options), options, () => {
      opened ??= openBench(closers)
      return opened
    })
  } finally {
    await close()
  }
}

async function openBench(closers: (() => Promise<void>)[]): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-bench-'))
  closers.push(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  mkdirSync(join(folder, 'app'))
  const cloud = await startCloud(folder)
  closers.push(cloud.close)
  return {
    folder,
    venv: await dbtVenv('core-1.11', 'duckdb'),
    runner: await bundleRunner(folder),
    cloud,
    atEnd: closer => void closers.push(closer),
  }
}
