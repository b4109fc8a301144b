/** The cloud on this machine goes down, politely or not, while a run is going: after the next `up` everything has its end. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startOf } from '../../local/process.ts'
import { readProcesses } from '../../local/state.ts'
import type { Installation } from './installation.ts'
import { logUntil, recordUntil, until } from './until.ts'

const limit = { timeout: 240_000 }
let it: Installation

/** A run that builds its slow model. */
async function startSlow(): Promise<string> {
  const { id } = (await it.tidemill('run', 'slow')).json.run
  await logUntil(it.cloud, id, log => log.includes('START sql table model main.slow'))
  return id
}

/** Status of the run in the last snapshot of the table; undefined: the snapshot does not have it. */
function storedStatus(run: string): string | undefined {
  let status: string | undefined
  JSON.parse(readFileSync(join(it.cloud.paths.emulatorState, 'services/dynamodb.json'), 'utf8'), (_, value) => {
    if (value?.pk?.S === `RUN#${run}`) status = value.status.S
    return value
  })
  return status
}

/** The interrupted attempt has ended for what it was, and the next one goes on with the run; then that one is cancelled. */
async function goesOn(run: string): Promise<void> {
  const { attempts } = await recordUntil(it.cloud, run, ({ attempts, status }) => attempts.length === 2 && status === 'running')
  assert.deepEqual(
    [attempts[0]?.outcome?.reason, attempts[0]?.stopCode],
    ['infrastructure', 'TerminationNotice'],
    JSON.stringify(attempts),
  )
  assert.equal((await it.tidemill('cancel', run)).code, 0)
  await recordUntil(it.cloud, run, record => record.status === 'cancelled')
  assert.equal((await it.messagesOf(run, 1)).length, 1)
  // Its places are given back.
  const next = await it.tidemill('run', 'good', '--wait')
  assert.equal(next.code, 0, JSON.stringify(next.json))
}

/** As a crash, or a machine short of memory, would. Processes of its group that outlive it, after a moment, are a fault. */
async function killEmulator(): Promise<void> {
  const { emulator } = await readProcesses(it.cloud.paths)
  assert.ok(emulator)
  process.kill(emulator.pid, 'SIGKILL')
  await until('end of its functions as well', 20, async () => groupOf(emulator.pid).length === 0)
}

const groupOf = (leader: number) =>
  readdirSync('/proc').filter(pid => /^\d+$/.test(pid) && startOf(Number(pid)) !== undefined && groupIn(pid) === leader)

function groupIn(pid: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[2])
  } catch {
    return undefined
  }
}

/** Tests for the installation of project.ts, in which nothing runs by itself any more. */
export function restarts(installation: () => Installation): void {
  test('a run that is cut by `local down` goes on after `local up` and ends, with one message', limit, async () => {
    it = installation()
    const run = await startSlow()
    assert.equal((await it.tidemill('local', 'down')).json.stopped, true)
    const up = await it.tidemill('local', 'up')
    assert.equal(up.code, 0, up.stderr)
    await goesOn(run)
  })

  test('after kill -9 of the emulator, deployment and runs are there', limit, async () => {
    it = installation()
    const { id } = (await it.tidemill('run', 'good', '--wait')).json.run
    await until('snapshot', 40, async () => storedStatus(id) === 'success')
    await killEmulator()
    assert.equal((await it.tidemill('local', 'status')).json.emulator, 'down')
    const up = await it.tidemill('local', 'up')
    assert.equal(up.code, 0, up.stderr)
    assert.equal((await it.tidemill('show', id)).json.run.status, 'success')
    assert.match(JSON.stringify((await it.tidemill('logs', id)).json), /OK created sql table model main\.doubled/)
    assert.equal((await it.tidemill('run', 'good', '--wait')).code, 0)
  })

  test('a run that is cut by kill -9 of the emulator goes on after `local up` and ends, with one message', limit, async () => {
    it = installation()
    const run = await startSlow()
    await until('snapshot', 40, async () => storedStatus(run) === 'running')
    await killEmulator()
    const up = await it.tidemill('local', 'up')
    assert.equal(up.code, 0, up.stderr)
    await goesOn(run)
  })
}
