/** Runs the benchmark's project through other orchestrators, each in a Python environment of its own. */
import { spawn } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { waitHealthy } from '../local/emulator.ts'
import { endProcess, freePort, startDetached } from '../local/process.ts'
import { ensureVenv, findPython } from '../local/venv.ts'
import type { BenchProject } from './project.ts'
import { type Bench, endOf, freshDatabase } from './start.ts'

const ROOT = join(import.meta.dirname, '..')

export interface Peer {
  name: string
  title: string
  /** Minutes a run. */
  slow?: boolean
  /** Of bench/peers/<lock>.txt. */
  lock: string
  /** Settings of the orchestrator below `home`. */
  env(home: string): Record<string, string>
  /** Once, and not timed. */
  prepare?: { file: string; args: string[] }
  /** A server that runs all the time; its start is not timed. */
  server?: { file: string; args(port: string): string[]; health(url: string): string; env(url: string): Record<string, string> }
  /** What is timed, from the folder with its program. */
  file: string
  args: string[]
}

export const PEERS: Peer[] = [
  {
    name: 'dagster',
    title: 'dagster-dbt (dagster asset materialize)',
    lock: 'dagster',
    env: home => ({ DAGSTER_HOME: home }),
    file: 'dagster',
    args: ['asset', 'materialize', '--select', '*', '--python-file', 'dagster_assets.py'],
  },
  {
    name: 'prefect',
    title: 'prefect-dbt (PrefectDbtRunner, server running)',
    lock: 'prefect',
    env: home => ({ PREFECT_HOME: home, PREFECT_SERVER_ANALYTICS_ENABLED: 'false' }),
    server: {
      file: 'prefect',
      args: port => ['server', 'start', '--host', '127.0.0.1', '--port', port],
      health: url => `${url}/api/health`,
      env: url => ({ PREFECT_API_URL: `${url}/api` }),
    },
    file: 'python',
    args: ['prefect_flow.py'],
  },
  {
    name: 'cosmos',
    title: 'Cosmos on Airflow (one task a node, airflow dags test)',
    slow: true,
    lock: 'cosmos',
    env: home => ({
      AIRFLOW_HOME: home,
      AIRFLOW__CORE__DAGS_FOLDER: join(home, 'program'),
      AIRFLOW__CORE__LOAD_EXAMPLES: 'False',
      AIRFLOW__COSMOS__ENABLE_TELEMETRY: 'False',
      SCARF_ANALYTICS: 'false',
    }),
    prepare: { file: 'airflow', args: ['db', 'migrate'] },
    file: 'airflow',
    args: ['dags', 'test', 'bench'],
  },
]

/** Makes environment, manifest and server, none of which is timed. What it gives makes a run with a fresh database, in seconds. */
export async function preparePeer(bench: Bench, project: BenchProject, peer: Peer): Promise<() => Promise<number>> {
  const venv = await ensureVenv({
    name: `peer-${peer.lock}`,
    requirements: [join(ROOT, `bench/peers/${peer.lock}.txt`)],
    cacheDir: join(ROOT, '.cache/venv'),
    python: await findPython(process.env.TIDEMILL_PYTHON),
    onProgress: line => process.stderr.write(`◔ ${line}\n`),
  })
  const home = join(bench.folder, peer.name)
  const [program, dir] = [join(home, 'program'), join(home, 'project')]
  mkdirSync(program, { recursive: true })
  cpSync(project.dir, dir, { recursive: true })
  for (const name of ['dagster_assets.py', 'prefect_flow.py', 'cosmos_dag.py'])
    if (name.startsWith(peer.lock)) copyFileSync(join(ROOT, 'bench/peers', name), join(program, name))
  if (peer.lock === 'dagster') writeFileSync(join(home, 'dagster.yaml'), 'telemetry: { enabled: false }\n')
  const env: Record<string, string> = {
    PATH: `${venv}/bin:${process.env.PATH}`,
    HOME: home,
    LANG: 'C.UTF-8',
    DO_NOT_TRACK: '1',
    DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
    DBT_PROFILES_DIR: project.profiles,
    BENCH_DB: freshDatabase(bench, project),
    BENCH_PROJECT: dir,
    ...peer.env(home),
  }
  const log = join(home, 'output.log')
  const run = async (file: string, args: string[], cwd = program) => {
    const output = openSync(log, 'w')
    const child = spawn(join(venv, 'bin', file), args, { cwd, env, stdio: ['ignore', output, output] })
    await endOf(child, `${peer.name}: ${file}`).catch(error => {
      throw new Error(`${error.message}\n${readFileSync(log, 'utf8').slice(-3000)}`)
    })
  }
  await run('dbt', ['parse'], dir)
  if (peer.prepare) await run(peer.prepare.file, peer.prepare.args)
  if (peer.server) await startServer(bench, peer.server, { venv, home, env })
  return async () => {
    env.BENCH_DB = freshDatabase(bench, project)
    const began = performance.now()
    await run(peer.file, peer.args)
    const seconds = (performance.now() - began) / 1000
    await mustBeBuilt(bench, env.BENCH_DB, project)
    return seconds
  }
}

async function startServer(
  bench: Bench,
  server: NonNullable<Peer['server']>,
  { venv, home, env }: { venv: string; home: string; env: Record<string, string> },
): Promise<void> {
  const port = String(await freePort({}))
  const url = `http://127.0.0.1:${port}`
  const log = join(home, 'server.log')
  const record = startDetached({ command: join(venv, 'bin', server.file), args: server.args(port), env, cwd: home, log })
  Object.assign(env, server.env(url))
  bench.atEnd(() => endProcess(record, 10))
  await waitHealthy(server.file, server.health(url), record, log, 120)
}

/** Whoever is quick because it did not do the work is not quick. */
export async function mustBeBuilt(bench: Bench, database: string, { models }: BenchProject): Promise<void> {
  const output = join(bench.folder, 'count.txt')
  const script =
    'import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); ' +
    'n = c.execute("select count(*) from duckdb_views() where view_name like \'model_%\'").fetchone()[0]; ' +
    "open(sys.argv[2], 'w').write(str(n))"
  rmSync(output, { force: true })
  await endOf(
    spawn(join(bench.venv, 'bin/python'), ['-c', script, database, output], { stdio: 'inherit' }),
    'counting the models',
  )
  const built = Number(readFileSync(output, 'utf8'))
  if (built !== models) throw new Error(`${built} of ${models} models were built`)
}
