/** A PostgreSQL server on loopback for one test, from the programs of the machine. */
import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { findProgram } from '../need.ts'

const BIN = dirname(findProgram('postgres') ?? '')

/** The server refuses to run as root; `nobody` has this id on Debian. */
const NOBODY = 65534

export async function startPostgres(folder: string, password: string): Promise<{ port: number; stop(): void }> {
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
  return { port, stop: () => run('pg_ctl', '--pgdata', data, '--mode', 'immediate', 'stop') }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
