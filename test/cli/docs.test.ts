import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { COMMANDS } from '../../cli/commands.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/cli.md'), 'utf8')

test('docs/cli.md names every command and every option', () => {
  const missing = COMMANDS.flatMap(({ usage, options }) => {
    const name = usage.replace(/ [<[].*/, '')
    const flags = options.flatMap(option => /--[a-z-]+/.exec(option.flags)?.[0] ?? [])
    return [
      ...(page.includes(`\`${name}`) ? [] : [name]),
      ...flags.filter(flag => !page.includes(flag)).map(flag => `${name} ${flag}`),
    ]
  })
  assert.deepEqual(missing, [])
})

test('docs/cli.md names no option that does not exist', () => {
  const known = new Set(COMMANDS.flatMap(({ options }) => options.flatMap(option => option.flags.match(/--[a-z-]+/g) ?? [])))
  for (const everywhere of ['--config', '--installation', '--local', '--profile', '--region', '--json', '--no-color', '--help'])
    known.add(everywhere)
  assert.deepEqual(
    [...new Set(page.match(/--[a-z][a-z-]*/g))].filter(flag => !known.has(flag)),
    [],
  )
})
