import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ensureVenv, findPython, type Python } from '../../local/venv.ts'
import type { UserError } from '../../shared/errors.ts'

const limit = { timeout: 120_000 }
let folder: string
let python: Python
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'venv-test-'))
  python = await findPython(undefined)
}, limit)
after(() => rmSync(folder, { recursive: true, force: true }))

/** One small package of the emulator's lock, with its hashes. */
const lock = readFileSync(join(import.meta.dirname, '../../local/emulator/requirements.txt'), 'utf8')
const SIX = /^six==[^\n]*\n(?: {4}--hash[^\n]*\n?)+/m.exec(lock)?.[0] ?? ''

const ensure = (requirements: string, name = 'small') => {
  const file = join(folder, `${name}.txt`)
  writeFileSync(file, requirements)
  return ensureVenv({ name, requirements: [file], cacheDir: join(folder, 'cache'), python, onProgress: () => undefined })
}
const userError = (pattern: RegExp) => (error: UserError) => {
  assert.equal(error.name, 'UserError')
  assert.match(error.message, pattern)
  assert.ok(error.hint)
  return true
}

test('two at once make one environment, which works; what an interruption left long ago goes', limit, async () => {
  assert.match(SIX, /^six==/)
  const abandoned = join(folder, 'cache', `small-${'0'.repeat(16)}.${'1'.repeat(8)}`)
  mkdirSync(abandoned, { recursive: true })
  utimesSync(abandoned, 0, 0)
  const [first, second] = await Promise.all([ensure(SIX), ensure(SIX)])
  assert.equal(first, second)
  assert.ok(existsSync(join(first, 'bin/python')))
  assert.ok(!existsSync(abandoned))
  const before = readdirSync(join(folder, 'cache')).length
  assert.equal(await ensure(SIX), first, 'made once')
  assert.equal(readdirSync(join(folder, 'cache')).length, before)
})

test('another hash than the locked one is refused and leaves nothing', limit, async () => {
  const forged = SIX.replaceAll(/sha256:[0-9a-f]{64}/g, `sha256:${'0'.repeat(64)}`)
  await assert.rejects(ensure(forged, 'forged'), userError(/does not have the locked hash/))
  assert.deepEqual(
    readdirSync(join(folder, 'cache')).filter(name => name.startsWith('forged')),
    [],
  )
})

test('a registry that does not answer is said', limit, async () => {
  const before = { ...process.env }
  Object.assign(process.env, { PIP_INDEX_URL: 'http://127.0.0.1:9/simple', PIP_RETRIES: '0', PIP_NO_CACHE_DIR: '1' })
  try {
    await assert.rejects(ensure(`# another lock\n${SIX}`, 'offline'), userError(/registry does not answer/))
  } finally {
    for (const name of ['PIP_INDEX_URL', 'PIP_RETRIES', 'PIP_NO_CACHE_DIR'])
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
  }
})

test('no Python of a supported version: what to install', limit, async () => {
  await assert.rejects(findPython('no-such-python'), userError(/Python 3\.11, 3\.12 or 3\.13 is needed/))
})
