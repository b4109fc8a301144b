import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { COMMANDS } from '../../cli/commands.ts'
import { REASONS } from '../../shared/reasons.ts'
import { FUNCTIONS } from '../../shared/resource-names.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const runbook = read('docs/runbook.md')
const headings = new Set([...runbook.matchAll(/^#+ (.+)$/gm)].map(match => match[1]))

test('the runbook has a heading for every reason, function and alarm, and none that is gone', () => {
  const functions = FUNCTIONS.map(name => name[0]?.toUpperCase() + name.slice(1))
  const alarms = [...read('lib/constructs/alarms.ts').matchAll(/^ {6}'([a-z-]+)':/gm)].map(match => match[1] ?? '')
  assert.ok(alarms.length > 0 && alarms.length <= 4, `alarms: ${alarms}`)
  const others = ['Runbook', 'Alarms', 'Missed run', 'Functions', 'Reasons']
  assert.deepEqual([...headings].sort(), [...others, ...alarms, ...functions, ...Object.keys(REASONS)].sort())
})

for (const page of [
  'README.md',
  'docs/runbook.md',
  'docs/architecture.md',
  'docs/limits.md',
  'CONTRIBUTING.md',
  'shared/message.ts',
  'shared/message-commands.ts',
  'shared/message-lines.ts',
  'shared/reasons.ts',
])
  test(`${page} names only commands that exist`, () => {
    const known = new Set(COMMANDS.map(command => command.usage.split(' ')[0]))
    const named = [...read(page).matchAll(/`tidemill ([a-z]+)/g), ...read(page).matchAll(/^tidemill ([a-z]+)/gm)].map(
      match => match[1],
    )
    for (const name of named) assert.ok(known.has(name), `tidemill ${name}`)
  })

for (const page of ['docs/architecture.md', 'CONTRIBUTING.md'])
  test(`${page} names only files that exist`, () => {
    const paths = [...read(page).matchAll(/`((?:bin|shared|lib|lambda|container|cli|local|test|docs|example)\/[\w./-]*)`/g)].map(
      match => match[1] ?? '',
    )
    assert.ok(paths.length > 5)
    for (const path of paths) assert.ok(existsSync(join(root, path)), `${path} does not exist`)
  })
