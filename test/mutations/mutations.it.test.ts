/** Takes a guarantee out of a copy of the code, one at a time, and expects a named test to notice. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { MUTATIONS, type Mutation } from './mutations.ts'

const root = join(import.meta.dirname, '../..')
const COPIED = ['shared', 'lambda', 'cli', 'local', 'test/fakes', 'test/lambda', 'test/cli', 'package.json', 'tsconfig.json']
mkdirSync(join(root, '.cache'), { recursive: true })
const folder = mkdtempSync(join(root, '.cache', 'mutations-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** A copy of its own for each, so that two can run side by side. */
function copy(name: string): string {
  const own = join(folder, name)
  for (const path of COPIED) cpSync(join(root, path), join(own, path), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(own, 'node_modules'))
  return own
}

function mutate(own: string, { file, from, to }: Mutation): void {
  const path = join(own, file)
  const parts = readFileSync(path, 'utf8').split(from)
  assert.equal(parts.length, 2, `"${from}" is ${parts.length - 1} times in ${file}: the mutation has to follow the code`)
  writeFileSync(path, parts.join(to))
}

/** Names of the tests that passed and failed. */
async function runTests(own: string, [file, name]: Mutation['test']): Promise<{ passed: string[]; failed: string[] }> {
  const escaped = name.replace(/[^\w ]/g, '\\$&')
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--test-reporter=tap', `--test-name-pattern=^${escaped}`, file],
    // Inside a test runner node would report to that one.
    { cwd: own, stdio: ['ignore', 'pipe', 'ignore'], timeout: 100_000, env: { ...process.env, NODE_TEST_CONTEXT: undefined } },
  )
  let report = ''
  child.stdout.on('data', chunk => {
    report += chunk
  })
  await new Promise(done => child.once('close', done))
  const found = (kind: string) =>
    [...report.matchAll(new RegExp(`^\\s*${kind} \\d+ - (.*)$`, 'gm'))]
      .map(match => match[1] ?? '')
      .filter(each => !/# SKIP/i.test(each))
  return { passed: found('ok'), failed: found('not ok') }
}

const limit = { timeout: 120_000 }

test('the tests that are to find the mutations are green without them', limit, async () => {
  const own = copy('unchanged')
  for (const each of new Set(MUTATIONS.map(mutation => mutation.test.join('\n')))) {
    const [file = '', name = ''] = each.split('\n')
    const { passed, failed } = await runTests(own, [file, name])
    assert.deepEqual(failed, [])
    assert.ok(
      passed.some(found => found.startsWith(name.trim())),
      `${file} has no test "${name}"`,
    )
  }
})

for (const [index, mutation] of MUTATIONS.entries())
  test(`mutation: ${mutation.name}: "${mutation.test[1].trim()}" is red`, limit, async () => {
    const own = copy(String(index))
    mutate(own, mutation)
    const { failed } = await runTests(own, mutation.test)
    assert.ok(
      failed.some(name => name.startsWith(mutation.test[1].trim())),
      `${mutation.test.join(': ')} stayed green`,
    )
  })
