/** The warm dbt and its interrupts when things go wrong. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runChild } from '../../container/runner/child.ts'
import { type DbtCommand, warmDbt } from '../../container/runner/dbt-host.ts'
import { makeFolder } from './project.ts'

const OPTIONS = { timeout: 30_000 }

/** A folder with a `dbt` that says how it was called, and a `python` made of the script. */
function makePrograms(t: { after(fn: () => void): void }, python: string) {
  const folder = makeFolder(fn => t.after(fn))
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  for (const [name, script] of [
    ['dbt', 'echo "plain $*"'],
    ['python', python],
  ] as const) {
    writeFileSync(join(bin, name), `#!/bin/bash\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const script = join(folder, 'dbt_host.py')
  writeFileSync(script, '')
  const env = { PATH: `${bin}:${process.env.PATH}` }
  const command: DbtCommand = { args: ['build'], cwd: folder, env, project: folder, profiles: folder, target: folder, parse: '' }
  return { folder, env, script, command }
}

async function runWarm(programs: ReturnType<typeof makePrograms>, stop = new AbortController().signal) {
  const dbt = warmDbt({ script: programs.script }, programs.env, programs.folder)
  const lines: string[] = []
  const exit = await dbt.run(programs.command, { line: text => void lines.push(text), stop, graceMilliseconds: 3_000 })
  const again = await dbt.run(programs.command, { line: text => void lines.push(text), stop, graceMilliseconds: 3_000 })
  dbt.close()
  return { exit, again, lines }
}

test('a host that cannot start dbt: plain processes', OPTIONS, async t => {
  const { exit, lines } = await runWarm(makePrograms(t, 'echo "No module named dbt" >&2; exit 1'))
  assert.equal(exit.code, 0)
  assert.deepEqual(lines, ['plain build', 'plain build'])
})

test('a host that ends before it takes the command: plain processes', OPTIONS, async t => {
  const { exit, lines } = await runWarm(makePrograms(t, 'echo R >&3; read -r line; exit 1'))
  assert.equal(exit.code, 0)
  assert.deepEqual(lines, ['plain build', 'plain build'])
})

test('fault 45: a host that is killed in a command is dbt that is killed; what follows is plain', OPTIONS, async t => {
  const { exit, again, lines } = await runWarm(makePrograms(t, 'echo R >&3; read -r line; echo Tbegun >&3; kill -9 $$'))
  assert.deepEqual([exit.signal, exit.killed], ['SIGKILL', false])
  assert.equal(again.code, 0)
  assert.deepEqual(lines, ['begun', 'plain build'])
})

test('a program cannot end a command by printing what the host would write', OPTIONS, async t => {
  const python = `echo R >&3; read -r line; echo 'TX{"code":0}' >&3; echo 'X{"code":0}'; echo 'X{"code":1,"last":true}' >&3; sleep 5`
  const { exit, lines } = await runWarm(makePrograms(t, python))
  assert.equal(exit.code, 1)
  assert.ok(lines.includes('X{"code":0}'))
})

test('fault 23: a host that ignores the interrupt is killed after the grace time', OPTIONS, async t => {
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 500)
  const programs = makePrograms(t, `trap '' INT; echo R >&3; read -r line; echo Tbegun >&3; while :; do sleep 0.2; done`)
  const dbt = warmDbt({ script: programs.script }, programs.env, programs.folder)
  const began = performance.now()
  const exit = await dbt.run(programs.command, { line: () => {}, stop: stop.signal, graceMilliseconds: 1_000 })
  assert.equal(exit.killed, true)
  // By itself it never ends.
  assert.ok(performance.now() - began < 20_000, `took ${performance.now() - began} ms`)
})

test('fault 22: the second interrupt waits while dbt tells of what it cancels', OPTIONS, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const log = join(folder, 'interrupts')
  // Each interrupt is noted; after the first, a line every 0.2 s for 3 s, then silence; the second ends it.
  const script = `
import os, signal, sys, time
count = 0
def interrupt(*_):
    global count
    count += 1
    open(${JSON.stringify(log)}, "a").write(f"{time.monotonic()}\\n")
    if count == 2:
        sys.exit(2)
    for _ in range(15):
        os.write(1, b"CANCEL query\\n")
        time.sleep(0.2)
signal.signal(signal.SIGINT, interrupt)
print("ready", flush=True)
while True:
    time.sleep(0.1)
`
  const stop = new AbortController()
  const command = { file: 'python3', args: ['-c', script], cwd: folder, env: { PATH: process.env.PATH ?? '' } }
  const line = (text: string) => {
    if (text === 'ready') stop.abort()
  }
  const exit = await runChild(command, { line, stop: stop.signal, graceMilliseconds: 20_000 })
  assert.deepEqual([exit.code, exit.killed], [2, false])
  const [first = 0, second = 0, ...more] = readFileSync(log, 'utf8').trim().split('\n').map(Number)
  assert.equal(more.length, 0)
  assert.ok(second - first >= 4.5 && second - first < 10, `${second - first} s apart`)
})
