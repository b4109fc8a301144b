/** A PostgreSQL server on loopback for one test, from the programs of the machine. */
import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { findProgram } from '../need.ts'
import { dbtVenv } from '../venv.ts'

const BIN = dirname(findProgram('postgres') ?? '')

/** The server refuses to run as root; `nobody` has this id on Debian. */
const NOBODY = 65534

export interface Postgres {
  /** Of a dbt profile. */
  output: object
  /** A dbt profile `shop` whose password is in a variable of this name. */
  profiles(passwordIn: string, schema?: string): string
  /** Runs a statement; its rows, with spaces between the values. */
  sql(text: string): string[]
  stop(): void
}

const SQL = `import psycopg2, sys
c = psycopg2.connect(host="127.0.0.1", port=sys.argv[1], user="shop", password=sys.argv[2], dbname="postgres")
c.autocommit = True
k = c.cursor()
k.execute(sys.argv[3])
[print(*row) for row in (k.fetchall() if k.description else [])]`

export async function startPostgres(folder: string, password: string): Promise<Postgres> {
  const dir = join(folder, 'postgres')
  mkdirSync(dir)
  const passwordFile = join(dir, 'password')
  writeFileSync(passwordFile, password)
  const asRoot = process.getuid?.() === 0
  if (asRoot) {
    // The server's user has to reach its folder.
    execFileSync('chmod', ['755', folder])
    for (const path of [dir, passwordFile]) chownSync(path, NOBODY, NOBODY)
  }
  const run = (program: string, ...args: string[]) =>
    execFileSync(join(BIN, program), args, {
      stdio: 'ignore',
      timeout: 60_000,
      cwd: dir,
      env: { PATH: BIN, LC_ALL: 'C' },
      ...(asRoot && { uid: NOBODY, gid: NOBODY }),
    })
  const port = await freePort()
  const data = join(dir, 'data')
  run('initdb', '--pgdata', data, '--username', 'shop', '--auth', 'scram-sha-256', '--pwfile', passwordFile, '--no-sync')
  run(
    'pg_ctl',
    '--pgdata',
    data,
    '--options',
    `-p ${port} -k ${dir} -h 127.0.0.1 -c fsync=off`,
    '--log',
    join(dir, 'log'),
    '--wait',
    'start',
  )
  const venv = await dbtVenv('core-1.11', 'duckdb', 'postgres')
  const output = { type: 'postgres', host: '127.0.0.1', port, user: 'shop', password, dbname: 'postgres', threads: 2 }
  return {
    output,
    profiles: (passwordIn, schema = 'shop') => {
      const prod = { ...output, password: `{{ env_var('${passwordIn}') }}`, schema }
      return JSON.stringify({ shop: { target: 'prod', outputs: { prod } } })
    },
    sql: text =>
      execFileSync(join(venv, 'bin/python'), ['-c', SQL, String(port), password, text], { encoding: 'utf8', timeout: 20_000 })
        .split('\n')
        .filter(Boolean),
    stop: () => run('pg_ctl', '--pgdata', data, '--mode', 'immediate', 'stop'),
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
