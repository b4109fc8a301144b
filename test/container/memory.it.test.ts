/** What is kept as the peak of memory, of a process that takes much for a moment only. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import type { Cgroup } from '../../container/runner/cgroup.ts'
import { watchMemory } from '../../container/runner/memory.ts'

const MEGABYTE = 1024 ** 2
/** Takes 300 MB, gives them back to the kernel at once, and goes on with little. */
const SPIKE = `
import mmap, time
held = mmap.mmap(-1, 300 * 2**20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for page in range(0, 300 * 2**20, 4096):
    held[page] = 1
held.close()
print("over", flush=True)
time.sleep(30)
`

/** A group of our own that was never seen above 50 MB. */
const group: Cgroup = {
  alone: true,
  oomKills: () => 0,
  workingBytes: () => 50 * MEGABYTE,
  mostBytes: () => undefined,
  limitBytes: () => undefined,
}

for (const [name, cgroup] of [
  ['an account of the kernel', group],
  ['no account', undefined],
] as const)
  test(`a rise that is over before anybody looks is in the peak: with ${name}`, { timeout: 30_000 }, async t => {
    const child = spawn('python3', ['-c', SPIKE], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    const memory = watchMemory(2048 * MEGABYTE, cgroup)
    const unwatch = memory.watch(child.pid ?? 0)
    unwatch()
    const peak = memory.peakBytes() / MEGABYTE
    assert.ok(peak > 300 && peak < 700, `${Math.round(peak)} MB`)
    assert.equal(memory.state().exhausted, false)
  })
