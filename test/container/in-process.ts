/** An attempt in this process, with a program in dbt's place. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { runAttempt } from '../../container/runner/attempt.ts'
import { makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan } from './runner.ts'

/** A folder with a `dbt` made of the shell script, for PATH. */
export function makeDbt(folder: string, script: string): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'dbt'), `#!/bin/bash\n${script}\n`)
  chmodSync(join(bin, 'dbt'), 0o755)
  return `${bin}:${process.env.PATH}`
}

export async function runWith(
  t: { after(fn: () => void): void },
  script: string,
  stop: AbortSignal = new AbortController().signal,
  graceMilliseconds = 500,
  heard: (line: string) => void = () => {},
) {
  const folder = makeFolder(fn => t.after(fn))
  const stored: string[] = []
  const parts: string[] = []
  const said: string[] = []
  const result = await runAttempt({
    plan: makePlan(makeRepository(folder, SHOP), folder),
    all: { PATH: makeDbt(folder, script) },
    secrets: { dbt: {}, git: {} },
    workDir: join(folder, 'work'),
    store: {
      async put({ key, body }) {
        stored.push(key)
        if (key.includes('/parts/')) parts.push(gunzipSync('file' in body ? readFileSync(body.file) : body.content).toString())
      },
      fetch: async () => false,
    },
    credentials: () => Promise.reject(new Error('no credentials are needed')),
    output: {
      write(line) {
        said.push(line)
        heard(line)
      },
      drain: async () => {},
    },
    now: () => new Date(),
    stop,
    limits: { graceMilliseconds, uploadMilliseconds: 30_000, flushMilliseconds: 100 },
  })
  return { result, stored, parts, said }
}

/**
 * Lines of a script: a run_results.json as dbt 1.x writes it, with the stamp of the step. `results`: of model, status.
 * The folder and the stamp are in dbt's environment.
 */
export function writeResults(results: Record<string, string>): string {
  const entries = Object.entries(results).map(([name, status]) => ({
    unique_id: `model.shop.${name}`,
    status,
    message: 'as told',
  }))
  return `cat > "$DBT_TARGET_PATH/run_results.json" <<END
{"metadata": {"env": {"TIDEMILL": "$DBT_ENV_CUSTOM_ENV_TIDEMILL"}}, "results": ${JSON.stringify(entries)}, "elapsed_time": 1}
END`
}
