/** `init` on a terminal of its own, made by script(1). */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeFolder } from './process.ts'
import { findProgramIn } from './programs.ts'

const root = join(import.meta.dirname, '..', '..')
const tidemill = `'${process.execPath}' --import '${join(root, 'node_modules/tsx/dist/esm/index.mjs')}' '${join(root, 'bin/tidemill.ts')}'`
const script = findProgramIn('script')
const skip = script ? false : 'needs script(1) of util-linux'

async function onTerminal(folder: string, type: (write: (text: string) => void, seen: () => string) => void) {
  const env = { PATH: process.env.PATH, HOME: folder, TZ: 'Europe/Berlin', NO_COLOR: '1', TERM: 'dumb' }
  const child = spawn(script ?? '', ['-qec', `${tidemill} init`, '/dev/null'], {
    cwd: folder,
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 60_000,
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', chunk => {
    text += chunk
    type(
      answer => void child.stdin.write(answer),
      () => text,
    )
  })
  const [code] = await once(child, 'close')
  return { code, text: text.replaceAll('\r', '') }
}

test('init asks, takes what is typed and what is pasted ahead, and writes files that are valid', {
  timeout: 90_000,
  skip,
}, async t => {
  const folder = makeFolder(t, { 'dbt_project.yml': 'name: shop\nprofile: shop\n' })
  let typed = 0
  const { code, text } = await onTerminal(folder, (write, seen) => {
    if (typed === 0 && /git repository.*: $/.test(seen())) {
      typed = 1
      write('https://git.acme.example/shop.git\n')
    }
    // Eight more questions, all answers at once: project, branch, folder, adapter, engine, profile, target, zone.
    if (typed === 1 && /Name of the project \[shop\]: $/.test(seen())) {
      typed = 2
      write('shop_eu\nrelease\n\nduckdb\n\n\nlive\nEurope/Paris\n')
    }
  })
  assert.equal(code, 0, text)
  const config = readFileSync(join(folder, 'tidemill.yml'), 'utf8')
  for (const part of [/name: shop_eu/, /shop\.git/, /branch: release/, /adapters: \[duckdb\]/, /target: live/, /Europe\/Paris/])
    assert.match(config, part)
})

test('Ctrl-C at a question ends init with 130 and nothing written', { timeout: 90_000, skip }, async t => {
  const folder = makeFolder(t, {})
  let typed = false
  const { code, text } = await onTerminal(folder, (write, seen) => {
    if (typed || !/git repository.*: $/.test(seen())) return
    typed = true
    write('\u0003')
  })
  assert.deepEqual([code, existsSync(join(folder, 'tidemill.yml'))], [130, false], text)
  assert.match(text, /Interrupted; nothing was changed/)
})
