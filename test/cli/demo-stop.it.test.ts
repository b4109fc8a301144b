/** However the demo ends, no cloud of it stays behind. */
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { reset } from '../../local/cloud.ts'
import { demoFolder, isUp } from './demos.ts'
import { makeFolder } from './process.ts'

const root = join(import.meta.dirname, '..', '..')

type Demo = ChildProcessByStdio<null, Readable, Readable>

/** Starts the demo and waits until its cloud is up and it deploys. */
async function startDemo(t: { after(fn: () => unknown): void }): Promise<{ demo: Demo; folder: string }> {
  const home = makeFolder(t as { after(fn: () => void): void }, {})
  const env = { PATH: process.env.PATH, HOME: home, TZ: 'UTC', TIDEMILL_CACHE: join(root, '.cache') }
  const demo = spawn(process.execPath, ['--import', 'tsx', 'bin/demo.ts', '--json'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 200_000,
  })
  let text = ''
  t.after(async () => {
    if (demo.exitCode === null && demo.signalCode === null) {
      demo.kill('SIGKILL')
      await once(demo, 'close')
    }
    const made = demoFolder(text)
    if (made) await reset({ folder: made })
  })
  demo.stdout.resume()
  for await (const chunk of demo.stderr.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += chunk
    if (/✓ local cloud/.test(text)) break
  }
  assert.match(text, /✓ local cloud/)
  const folder = demoFolder(text)
  assert.ok(folder && (await isUp(folder)))
  return { demo, folder }
}

test('Ctrl-C takes the cloud of the demo down, and it ends with 130', { timeout: 220_000 }, async t => {
  const { demo, folder } = await startDemo(t)
  demo.stderr.resume()
  demo.kill('SIGINT')
  // A second one, as impatient people do.
  setTimeout(() => demo.kill('SIGINT'), 300)
  const [code] = await once(demo, 'close')
  assert.equal(code, 130)
  assert.equal(await isUp(folder), false)
})

test('when nobody reads what it says any more, the demo takes its cloud down', { timeout: 220_000 }, async t => {
  const { demo, folder } = await startDemo(t)
  demo.stderr.destroy()
  demo.stdout.destroy()
  await once(demo, 'exit')
  assert.equal(await isUp(folder), false)
})

test('a demo that was killed leaves its cloud to the next one, which takes it down', { timeout: 440_000 }, async t => {
  const first = await startDemo(t)
  first.demo.kill('SIGKILL')
  await once(first.demo, 'close')
  assert.equal(await isUp(first.folder), true)
  const second = await startDemo(t)
  assert.equal(await isUp(first.folder), false)
  second.demo.stderr.resume()
  second.demo.kill('SIGTERM')
  await once(second.demo, 'close')
  assert.equal(await isUp(second.folder), false)
})
