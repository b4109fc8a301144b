/** `tidemill sql` as it is shipped, each question in a process of its own, over a history in a bucket that is 30 ms away. */
import { fork, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { localPaths, writeJson } from '../local/state.ts'
import { type Figure, figureOf } from './figures.ts'
import type { Part, Values } from './rounds.ts'
import { type History, makeHistory } from './sql-history.ts'

const ROOT = join(import.meta.dirname, '..')
const NODES = 1000
const LONGEST_MS = 120_000

export const sqlPart = (rounds: number, runs: number): Part => ({
  name: 'sql',
  rounds,
  async start(bench) {
    const history = await makeHistory(runs)
    process.stderr.write(
      `◔ history of ${runs} runs: ${(history.bytes / 1e9).toFixed(2)} GB, ${history.single} of its files of single runs\n`,
    )
    const program = await bundleCommand()
    bench.atEnd(async () => rmSync(program, { force: true }))
    const server = await startServer(history)
    bench.atEnd(server.close)
    const project = join(bench.folder, 'sql')
    await describeCloud(project, server.port)
    return async () => {
      const cache = join(bench.folder, 'sql-cache')
      rmSync(cache, { recursive: true, force: true })
      const values: Values = {}
      for (const state of ['cold', 'warm']) {
        await server.count()
        for (const [number, question] of questions().entries()) {
          const seconds = await ask(program, project, cache, question)
          values[`${state}${number + 1}`] = seconds
          values[`${state}Seconds`] = (values[`${state}Seconds`] ?? 0) + seconds
        }
        const { requests, bytes } = await server.count()
        values[`${state}Requests`] = requests
        values[`${state}Megabytes`] = bytes / 1e6
      }
      return values
    }
  },
  figures: all => {
    const over = `${runs} runs of ${NODES} nodes`
    return [
      ...figureOf(
        { name: `five questions over ${over}, nothing in the cache`, unit: 's', target: 10 },
        column(all, 'coldSeconds'),
      ),
      ...figureOf({ name: 'the same again', unit: 's', target: 10 }, column(all, 'warmSeconds')),
      ...shown(all, 'requests of the first time', '', 'coldRequests'),
      ...shown(all, 'fetched the first time', 'MB', 'coldMegabytes'),
      ...shown(all, 'requests of the second time', '', 'warmRequests'),
    ]
  },
})

const shown = (all: readonly Values[], name: string, unit: string, key: string): Figure[] =>
  figureOf({ name, unit, target: null }, column(all, key))
const column = (all: readonly Values[], name: string) => all.map(values => values[name] ?? Number.NaN)

/** The questions of docs/questions.md, which tests ask too. */
const questions = () =>
  [...readFileSync(join(ROOT, 'docs/questions.md'), 'utf8').matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql = '']) => sql)

/** Below the repository: DuckDB is not part of the bundle. */
async function bundleCommand(): Promise<string> {
  const outfile = join(ROOT, '.cache/bench-sql', `tidemill-${process.pid}.mjs`)
  const banner = "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);"
  await build({
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    banner: { js: banner },
    external: ['@duckdb/node-api', 'aws-cdk-lib', 'aws-cdk-lib/*', 'constructs'],
    entryPoints: [join(ROOT, 'bin/tidemill.ts')],
    logLevel: 'error',
    outfile,
  })
  return outfile
}

async function describeCloud(folder: string, port: number): Promise<void> {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'tidemill.yml'), 'installation: bench\n')
  const endpoint = `http://127.0.0.1:${port}`
  const keys = { accessKeyId: 'bench', secretAccessKey: 'bench' }
  await writeJson(localPaths(folder).description, { endpoint, ecsEndpoint: endpoint, region: 'eu-central-1', ...keys })
}

interface Server {
  port: number
  /** Since the last call. */
  count(): Promise<{ requests: number; bytes: number }>
  close(): Promise<void>
}

async function startServer({ folder }: History): Promise<Server> {
  const child = fork(join(import.meta.dirname, 'sql-server.ts'), [folder], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout?.once('data', (text: Buffer) => resolve(Number(text.toString())))
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`the server of the history ended with ${code}`)))
  })
  return {
    port,
    count: async () => (await (await fetch(`http://127.0.0.1:${port}/count`)).json()) as { requests: number; bytes: number },
    async close() {
      child.disconnect()
      await ended
    },
  }
}

/** Seconds from the start of the process to its end. */
function ask(program: string, cwd: string, cache: string, question: string): Promise<number> {
  const began = performance.now()
  const child = spawn(process.execPath, [program, 'sql', '--local', '--json'], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, TIDEMILL_CACHE: cache },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: LONGEST_MS,
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
  child.stdin.end(question)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => {
      const seconds = (performance.now() - began) / 1000
      const rows = code === 0 ? (JSON.parse(text) as { rows: unknown[] }).rows.length : 0
      if (rows > 0) resolve(seconds)
      else reject(new Error(`tidemill sql ended with ${code} and ${rows} rows: ${text.slice(0, 2000)}`))
    })
  })
}
