/** What README claims is there: tests by name, links, prices. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../shared/config.ts'
import { taskCost } from '../../shared/fargate.ts'
import { formatMoney } from '../../shared/format.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

test('every test that README names exists in the folder it names', () => {
  const rows = [...readme.matchAll(/^\|.+\| (`fault .+) in `(test\/\w+)` \|$/gm)]
  assert.ok(rows.length >= 8)
  for (const [, names = '', folder = ''] of rows) {
    const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.test.ts'))
    const text = files.map(name => readFileSync(join(root, folder, name), 'utf8')).join('\n')
    for (const [, name = ''] of names.matchAll(/`(fault \d\d)`/g)) assert.ok(text.includes(`${name}:`), `${name} in ${folder}`)
  }
})

test('links of README lead to files', () => {
  for (const [, path = ''] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) assert.ok(existsSync(join(root, path)), path)
})

test('prices in README are those of the price table', () => {
  const run = taskCost({ cpu: 1024, memory: 2048, architecture: 'arm64', seconds: 15 * 60, publicIp: true })
  assert.ok(
    readme.includes(
      `| a run of 15 minutes on 1 vCPU and 2 GB (ARM, us-east-1, with its public address) | ${formatMoney(run).replace(' USD', '')} |`,
    ),
  )
  assert.ok(readme.includes(`| the same every night for a month | ${formatMoney(run * (365 / 12)).replace(' USD', '')} |`))
})

test('the configuration in README is a good one', () => {
  const text = /```yaml\n([\s\S]+?)```/.exec(readme)?.[1] ?? ''
  const profiles = 'shop: { target: prod, outputs: { prod: { type: snowflake } } }'
  const loaded = loadConfig({ path: 'tidemill.yml', text, read: path => (path === 'profiles.yml' ? profiles : undefined) })
  assert.deepEqual(loaded.ok ? [] : loaded.problems, [])
})
