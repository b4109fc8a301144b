import assert from 'node:assert/strict'
import { chmodSync, existsSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { ENV } from '../../shared/contract.ts'
import { type Bucket, startBucket } from './bucket.ts'
import { DUCKDB_PROFILE, makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, type RunnerEnd, startRunner, step } from './runner.ts'

const OPTIONS = { timeout: 90_000 }
const PASSWORD = 'mill-of/the+tide 77'
const TOKEN = 'token-of-the-test-host'

async function setUp(t: { after(fn: () => void): void }) {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  return { folder, bucket }
}

/** Everything that left the runner, unpacked. */
const everything = (bucket: Bucket, end: RunnerEnd) =>
  [end.output, ...[...bucket.objects.keys()].filter(key => !key.startsWith('plans/')).map(key => bucket.text(key))].join('\n')

test('fault 28: a secret that models print, plain and encoded, is masked everywhere', OPTIONS, async t => {
  const { folder, bucket } = await setUp(t)
  const print = `
{% set word = env_var('SHOP_PASSWORD') %}
{{ print('plain ' ~ word) }} {{ log('logged ' ~ word, info=true) }} {{ log('encoded ' ~ (word | urlencode), info=true) }}
select '{{ word }}' as word, to_base64(encode('user:{{ word }}')) as encoded, error('failed with {{ word }}') as broken
`
  const repository = makeRepository(folder, {
    ...SHOP,
    'models/leak.sql': print,
    'models/leak.yml': 'models: [{ name: leak, description: "{{ env_var(\'SHOP_PASSWORD\') }}" }]',
  })
  const plan = makePlan(repository, folder, {
    secrets: ['SHOP_PASSWORD'],
    steps: [step(0, 'checkout'), step(1, 'dbt', ['build']), step(2, 'docs')],
  })
  const end = await startRunner(bucket, plan, folder, { SHOP_PASSWORD: PASSWORD }).end
  assert.equal(end.result?.reason, 'node_failures', end.output)
  assert.match(end.output, /plain \*\*\*/)
  assert.match(end.output, /logged \*\*\*/)
  assert.match(end.output, /encoded \*\*\*/)
  assert.match(end.result?.failures[0]?.message ?? '', /failed with \*\*\*/)
  const all = everything(bucket, end)
  for (const form of [
    PASSWORD,
    encodeURIComponent(PASSWORD),
    'mill-of/the%2Btide%2077',
    Buffer.from(`user:${PASSWORD}`).toString('base64').slice(8, 28),
  ])
    assert.ok(!all.includes(form), form)
})

test('fault 49: a model finds no token and no credentials in /proc, files or its own environment', OPTIONS, async t => {
  const { folder, bucket } = await setUp(t)
  const macro = `
{% macro look() %}
  {% set parent = run_query("select regexp_extract(content, 'PPid:\\s*(\\d+)', 1) as pid from read_text('/proc/self/status')").columns[0][0] %}
  {% for file in ['/proc/self/environ', '/proc/' ~ parent ~ '/environ'] %}
    {% set found = run_query("select coalesce(replace(content::varchar, chr(0), ' '), '') from read_text('" ~ file ~ "')").columns[0][0] %}
    {{ print('SEEN ' ~ file ~ ' [' ~ found ~ ']') }}
  {% endfor %}
  {% set config = run_query("select content from read_text('" ~ env_var('CLONE') ~ "/.git/config')").columns[0][0] %}
  {{ print('CONFIG [' ~ config ~ ']') }}
  {% set home = run_query("select string_agg(file, ' ') from glob('" ~ env_var('CLONE') ~ "/../**/git-key')").columns[0][0] %}
  {{ print('KEYS [' ~ home ~ ']') }}
{% endmacro %}`
  const repository = makeRepository(folder, { ...SHOP, 'macros/look.sql': macro })
  const plan = makePlan(repository, folder, {
    secrets: ['SHOP_PASSWORD'],
    steps: [step(0, 'checkout'), step(1, 'dbt', ['run-operation', 'look'])],
  })
  plan.variables.CLONE = join(folder, 'work', 'attempt', 'clone')
  // Tokens in the environment as ECS gives them; the repository itself needs none.
  const secrets = {
    SHOP_PASSWORD: 'own-secret-of-dbt',
    [ENV.gitToken]: TOKEN,
    [ENV.gitSshKey]: 'key-of-the-test',
    AWS_SESSION_TOKEN: 'session-of-the-task',
    OTHER: 'other-thing-of-ecs',
  }
  const end = await startRunner(bucket, plan, folder, secrets).end
  assert.equal(end.result?.outcome, 'success', end.output)
  assert.equal(end.output.match(/SEEN /g)?.length, 2, end.output)
  assert.match(end.output, /SEEN \/proc\/self\/environ \[.*SHOP_PASSWORD=\*\*\*/)
  assert.match(end.output, /SEEN \/proc\/\d+\/environ \[\s*\]/)
  assert.match(end.output, /KEYS \[(None)?\]/)
  // Masks would hide a find: what is named must not be there at all.
  for (const name of ['TIDEMILL_', 'AWS_', 'OTHER=', 'session-of-the-task', 'other-thing'])
    assert.ok(!end.output.includes(name), name)
  assert.ok(!/CONFIG \[[^\]]*(\*\*\*|extraheader|helper)/s.test(end.output))
})

test(
  'fault 30: .env, profiles.yml, hooks and outward links of the repository change nothing and run nothing',
  OPTIONS,
  async t => {
    const { folder, bucket } = await setUp(t)
    const repository = makeRepository(folder, SHOP)
    const hook = `#!/bin/sh\ntouch ${folder}/hook-ran\n`
    writeFileSync(join(folder, 'outside.sql'), "select 'from outside' as id")
    symlinkSync(join(folder, 'outside.sql'), join(repository.dir, 'models/outside.sql'))
    symlinkSync('orders.sql', join(repository.dir, 'models/inside.sql'))
    repository.commit(
      {
        '.env': 'DBT_TARGET=evil\nDBT_FULL_REFRESH=true\nSHOP_DB=/nowhere/evil.duckdb\n',
        'profiles.yml': 'shop: { target: prod, outputs: { prod: { type: duckdb, path: /nowhere/evil.duckdb } } }',
        '.githooks/post-checkout': hook,
        '.gitattributes': '*.sql filter=evil\n',
      },
      'hostile',
    )
    for (const name of ['post-checkout', 'reference-transaction', 'post-merge']) {
      writeFileSync(join(repository.dir, '.git/hooks', name), hook)
      chmodSync(join(repository.dir, '.git/hooks', name), 0o755)
    }
    const end = await startRunner(bucket, makePlan(repository, folder), folder).end
    assert.equal(end.result?.outcome, 'success', end.output)
    assert.match(end.output, /models\/outside\.sql is a link that leads out of the repository; it was left out/)
    const names = end.lines.flatMap(line => (line.type === 'node' ? [line.name] : []))
    assert.ok(names.includes('inside') && !names.includes('outside'))
    assert.ok(existsSync(join(folder, 'shop.duckdb')), 'our profile was used')
    assert.ok(!existsSync(join(folder, 'hook-ran')))
  },
)

test("a plan without profiles uses the repository's", OPTIONS, async t => {
  const { folder, bucket } = await setUp(t)
  const repository = makeRepository(folder, { ...SHOP, 'profiles.yml': DUCKDB_PROFILE })
  const plan = makePlan(repository, folder, {
    dbt: { engine: 'core-1.11', target: 'prod' },
    steps: [step(0, 'checkout'), step(1, 'dbt', ['run'])],
  })
  const end = await startRunner(bucket, plan, folder).end
  assert.equal(end.result?.outcome, 'success', end.output)
})

/** A git host over HTTP that answers always the same. */
async function startHost(t: { after(fn: () => void): void }, status: number) {
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization)
    response.writeHead(status, status === 401 ? { 'www-authenticate': 'Basic realm="git"' } : {}).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/acme/shop.git`, asked }
}

test('fault 15: a refused token is not tried again and is shown nowhere', { timeout: 30_000 }, async t => {
  const { folder, bucket } = await setUp(t)
  const host = await startHost(t, 401)
  const plan = makePlan(host, folder)
  plan.repository.credentials = 'token'
  const end = await startRunner(bucket, plan, folder, { [ENV.gitToken]: TOKEN }).end
  assert.equal(end.code, 3, end.output)
  assert.equal(end.result?.reason, 'source_auth')
  assert.match(end.result?.message ?? '', /refused the token/)
  const basic = `Basic ${Buffer.from(`x-access-token:${TOKEN}`).toString('base64')}`
  assert.equal(host.asked.filter(header => header === basic).length, 1)
  assert.ok(!everything(bucket, end).includes(TOKEN))
})

test('fault 14: a host that answers 503 is tried again with longer and longer pauses', { timeout: 60_000 }, async t => {
  const { folder, bucket } = await setUp(t)
  const host = await startHost(t, 503)
  const runner = startRunner(bucket, makePlan(host, folder, { timeoutSeconds: 120 }), folder)
  const end = await runner.end
  assert.equal(end.code, 3, end.output)
  assert.equal(end.result?.reason, 'source_unavailable')
  assert.match(end.result?.message ?? '', /could not be reached in 5 tries.*503/)
  assert.ok(host.asked.length >= 5)
})
