import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeFolder, tidemill } from './process.ts'

const PROFILES = 'shop:\n  target: prod\n  outputs:\n    prod: { type: duckdb, path: /tmp/shop.duckdb }\n'
const config = (fields: { project?: string; environment?: string; jobs?: string } = {}) => `version: 1
project: { name: shop, repository: "${fields.project ?? 'https://github.com/acme/shop.git'}" }
environments:
  prod:
    branch: main
    dbt: { engine: core-1.11, adapters: [duckdb] }
    profile: profiles.yml
${fields.environment ?? ''}
jobs:
${fields.jobs ?? '  nightly: { environment: prod, steps: [dbt build] }'}
`
const job = (fields: string) => `  nightly: { environment: prod, steps: [dbt build], ${fields} }`

interface Case {
  args?: string[]
  files?: Record<string, string>
  env?: Record<string, string | undefined>
  code: 2 | 3
  /** What happened. */
  says: RegExp
  /** What to do. */
  remedy: RegExp
}

/** Somewhere that nothing listens. */
const DOWN = {
  AWS_ACCESS_KEY_ID: 'k',
  AWS_SECRET_ACCESS_KEY: 's',
  AWS_REGION: 'eu-central-1',
  AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
}

const CASES: Record<string, Case> = {
  'no tidemill.yml': { files: {}, code: 2, says: /No tidemill\.yml here or above/, remedy: /tidemill init.*--config PATH/ },
  'a --config that is not there': {
    args: ['validate', '--config', 'x.yml'],
    code: 2,
    says: /No file .*x\.yml/,
    remedy: /tidemill init/,
  },
  'YAML that does not parse': {
    files: { 'tidemill.yml': 'jobs: [a\nb: }' },
    code: 2,
    says: /tidemill\.yml: 1 problem\n +2:1 .*opened and not closed/,
    remedy: /Nothing was changed/,
  },
  'an unknown key': {
    files: { 'tidemill.yml': config({ jobs: '  nightly: { environment: prod, stepz: [dbt build] }' }) },
    code: 2,
    says: /\d+:\d+ +jobs\.nightly\.stepz/,
    remedy: /did you mean "steps"/,
  },
  'an unknown time zone': {
    files: { 'tidemill.yml': config({ jobs: job('schedule: { cron: "0 2 * * *", timezone: Europe/Berlinn }') }) },
    code: 2,
    says: /"Europe\/Berlinn"/,
    remedy: /did you mean "Europe\/Berlin"/,
  },
  'a cron that never fires': {
    files: { 'tidemill.yml': config({ jobs: job('schedule: { cron: "0 2 31 2 *", timezone: UTC }') }) },
    code: 2,
    says: /jobs\.nightly\.schedule\.cron.*never/,
    remedy: /Nothing was changed/,
  },
  'a job name with spaces': {
    files: { 'tidemill.yml': config({ jobs: '  every night: { environment: prod, steps: [dbt build] }' }) },
    code: 2,
    says: /every night/,
    remedy: /letters|every_night/,
  },
  'an environment that does not exist': {
    files: { 'tidemill.yml': config({ jobs: '  nightly: { environment: prodd, steps: [dbt build] }' }) },
    code: 2,
    says: /jobs\.nightly\.environment +"prodd"/,
    remedy: /did you mean "prod"/,
  },
  'a circle of after': {
    files: {
      'tidemill.yml': config({
        jobs: '  a: { environment: prod, steps: [dbt build], after: { job: b } }\n  b: { environment: prod, steps: [dbt build], after: { job: a } }',
      }),
    },
    code: 2,
    says: /after.*(circle|a.*b)/,
    remedy: /Nothing was changed/,
  },
  'a secret written as a value': {
    files: { 'tidemill.yml': config({ environment: `    secrets: { TOKEN: ${['ghp', 'a'.repeat(36)].join('_')} }` }) },
    code: 2,
    says: /environments\.prod\.secrets\.TOKEN/,
    remedy: /create-secret/,
  },
  'a profile without the target': {
    files: { 'tidemill.yml': config({ environment: '    target: production' }) },
    code: 2,
    says: /"production"/,
    remedy: /prod/,
  },
  'git missing': {
    args: ['validate', '--remote'],
    env: { PATH: '/nowhere' },
    code: 3,
    says: /git is not installed/,
    remedy: /Install git/,
  },
  'Python missing': {
    args: ['local', 'up'],
    env: { TIDEMILL_PYTHON: '/nowhere/python3' },
    code: 3,
    says: /Python 3\.11, 3\.12 or 3\.13 is needed/,
    remedy: /TIDEMILL_PYTHON/,
  },
  'a repository that is not reachable': {
    args: ['validate', '--remote'],
    files: { 'tidemill.yml': config({ project: 'https://localhost:9/shop.git' }) },
    code: 3,
    says: /https:\/\/localhost:9\/shop\.git.*cannot be reached: fatal/,
    remedy: /Check the address/,
  },
  'a repository on this machine that is not there': {
    args: ['local', 'up'],
    files: { 'tidemill.yml': config({ project: 'file:///nowhere/shop' }) },
    code: 3,
    says: /file:\/\/\/nowhere\/shop.*cannot be reached/,
    remedy: /Check the address/,
  },
  'no AWS credentials': {
    args: ['deploy', '--region', 'eu-central-1'],
    code: 3,
    says: /No AWS credentials/,
    remedy: /aws sso login.*--profile/,
  },
  'an AWS profile that does not exist': {
    args: ['runs', '--profile', 'nope', '--region', 'eu-central-1'],
    code: 3,
    says: /AWS profile "nope" does not exist/,
    remedy: /aws configure list-profiles/,
  },
  'no region': { args: ['runs'], code: 3, says: /No AWS region/, remedy: /--region NAME/ },
  'AWS out of reach': { args: ['runs'], env: DOWN, code: 3, says: /AWS does not answer/, remedy: /region/ },
  'the local cloud never started': {
    args: ['runs', '--local'],
    code: 3,
    says: /no local cloud for/,
    remedy: /tidemill local up/,
  },
  'a word that is no command': { args: ['rnu'], code: 2, says: /Unknown command 'rnu'/, remedy: /Did you mean run/ },
  'an option that does not exist': {
    args: ['runs', '--jop', 'x'],
    code: 2,
    says: /Unknown option '--jop'/,
    remedy: /Did you mean --job/,
  },
  'an argument that is missing': {
    args: ['run'],
    code: 2,
    says: /Missing required argument 'job'/,
    remedy: /tidemill run --help/,
  },
  'a number that is none': { args: ['runs', '-n', 'many'], code: 2, says: /--count "many"/, remedy: /1 to 9999/ },
  'reset without a terminal': { args: ['local', 'reset'], code: 2, says: /forgets all runs/, remedy: /--yes/ },
}

for (const [name, { args = ['validate'], files = {}, env = {}, code, says, remedy }] of Object.entries(CASES))
  test(`bad input: ${name}`, { timeout: 60_000 }, async t => {
    const all = name === 'no tidemill.yml' ? {} : { 'tidemill.yml': config(), 'profiles.yml': PROFILES, ...files }
    const folder = makeFolder(t, all)
    const before = readdirSync(folder)
    const ended = await tidemill(folder, args, env)
    const text = ended.stdout + ended.stderr
    assert.equal(ended.code, code, text)
    assert.match(text, says)
    assert.match(text.replaceAll('\n', ' '), remedy)
    assert.doesNotMatch(text, /^ +at .*[:(]\d+|node:internal/m, 'no stack')
    assert.ok(!text.includes('\u001b'), 'no colours without a terminal')
    assert.deepEqual(readdirSync(folder), before, 'nothing was made')
    const json = await tidemill(folder, [...args, '--json'], env)
    assert.equal(json.code, code)
    const document: unknown = JSON.parse(json.stdout)
    assert.ok(typeof document === 'object' && document && ('error' in document || 'problems' in document), json.stdout)
  })

test('bad input: a port that is taken', { timeout: 60_000 }, async t => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const folder = makeFolder(t, { 'tidemill.yml': config(), 'profiles.yml': PROFILES })
  const cache = join(import.meta.dirname, '..', '..', '.cache')
  const ended = await tidemill(folder, ['local', 'up', '--port', String(port)], { TIDEMILL_CACHE: cache })
  assert.equal(ended.code, 3, ended.stdout + ended.stderr)
  assert.match(ended.stderr, new RegExp(`${port}`))
  assert.match(ended.stdout, /✗ local cloud/)
  const status = await tidemill(folder, ['local', 'status', '--json'])
  assert.equal(JSON.parse(status.stdout).up, false)
})
