import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needsWebhook, webhookSecrets } from '../../shared/config-trigger.ts'
import { objectPattern, readPattern } from '../../shared/event-pattern.ts'
import { good, job, problem, problems, yaml } from './config-helper.ts'

const triggersOf = (on: string, project = '  webhook: { secret: hook }') =>
  good(yaml({ project, jobs: `  nightly: { environment: prod, steps: [dbt build], on: ${on} }` })).config.jobs['shop/nightly']
    ?.triggers

test('each kind of trigger becomes what is deployed, named by its kind unless the user does', () => {
  assert.deepEqual(
    triggersOf(
      '[{ commit: true }, { s3: { bucket: raw, prefix: a/ } }, { name: second, s3: { bucket: raw }, }, { s3: { bucket: more, coalesce: true } }, { request: { secret: ci, overrides: [vars, vars] } }]',
    ),
    [
      { kind: 'commit', name: 'commit' },
      { kind: 'event', name: 's3', bus: 'default', pattern: objectPattern('raw', 'a/', ''), coalesce: false },
      { kind: 'event', name: 'second', bus: 'default', pattern: objectPattern('raw', '', ''), coalesce: false },
      { kind: 'event', name: 's3-2', bus: 'default', pattern: objectPattern('more', '', ''), coalesce: true },
      { kind: 'request', name: 'request', secret: { name: 'ci', field: null }, overrides: ['vars'] },
    ],
  )
  assert.deepEqual(
    triggersOf('{ event: { source: acme, bus: acme-data, detail: { rows: { numeric: [">", 0] }, table: orders } } }'),
    [
      {
        kind: 'event',
        name: 'event',
        bus: 'acme-data',
        pattern: { source: ['acme'], detail: { rows: [{ numeric: ['>', 0] }], table: ['orders'] } },
        coalesce: false,
      },
    ],
  )
})

test('a key of an object by beginning, end or both, with what would be a wildcard taken as it is', () => {
  const key = (prefix: string, suffix: string) => (objectPattern('b-b', prefix, suffix).detail as { object?: unknown }).object
  assert.deepEqual(key('a/', ''), { key: [{ prefix: 'a/' }] })
  assert.deepEqual(key('', '.csv'), { key: [{ suffix: '.csv' }] })
  assert.deepEqual(key('a*/', '\\.csv'), { key: [{ wildcard: 'a\\*/*\\\\.csv' }] })
  assert.equal(key('', ''), undefined)
})

test('patterns that EventBridge would refuse are refused here, each at its key', () => {
  const bad = (given: Record<string, unknown>) => readPattern(given).bad.map(each => `${each.path.join('.')} ${each.message}`)
  assert.deepEqual(
    bad({ source: ['a'], detail: { a: { b: [1, null, 'x', true, { 'anything-but': ['y'] }] }, $or: [{ c: 1 }, { d: 2 }] } }),
    [],
  )
  assert.match(
    bad({ detail: { a: { b: [{ prefx: 'x' }] } } }).join(),
    /^detail\.a\.b "prefx" is not a matcher of EventBridge; did you mean "prefix"\?/,
  )
  assert.match(bad({ source: [] }).join(), /empty list/)
  assert.match(bad({ source: [['a']] }).join(), /list in a list/)
  assert.match(bad({ detail: { n: [{ numeric: ['>', '5'] }] } }).join(), /numeric needs comparisons/)
  assert.match(bad({ detail: { n: [{ exists: 'yes' }] } }).join(), /true or false/)
  assert.match(bad({ detail: { n: [{ prefix: 'a', suffix: 'b' }] } }).join(), /stands beside/)
  assert.match(bad({ detail: { $or: [{ a: 1 }] } }).join(), /two patterns or more/)
  assert.match(bad({ source: ['x'.repeat(2100)] }).join(), /EventBridge takes 2048/)
  assert.match(
    problem(job('on: { event: { source: a, detail: { t: [{ sufix: x }] } } }')),
    /jobs\.nightly\.on\.event\.detail\.t "sufix"/,
  )
})

test('a trigger is one thing, and says enough', () => {
  assert.match(problem(job('on: { name: x }')), /jobs\.nightly\.on needs one of s3, event, commit, request/)
  assert.match(
    problem(job('on: { s3: { bucket: raw }, request: { secret: ci } }')),
    /has `s3` and `request`; each trigger is an item/,
  )
  assert.match(problem(job('on: { event: { detail: { a: 1 } } }')), /needs `source`, `detail-type` or `resources`/)
  assert.match(problem(job('on: { s3: { bucket: Raw_Data } }')), /"Raw_Data" is not the name of a bucket/)
  assert.match(problem(job('on: [{ name: a, s3: { bucket: raw } }, { name: a, s3: { bucket: raw } }]')), /"a" names two triggers/)
  assert.match(problem(job('on: { request: {} }')), /on\.request\.secret is missing/)
  assert.match(problem(job('on: { request: { secret: ci, overrides: [steps] } }')), /"steps" is not allowed/)
  const loop = good(job('on: { event: { source: aws.ecs } }')).warnings.map(each => each.message)
  assert.ok(loop.some(each => each.includes('may start itself for ever')))
})

test('a commit needs the secret of a webhook, and the branch of its environment', () => {
  assert.match(
    problem(job('on: { commit: true }')),
    /on\.commit needs the secret of the webhook; add to the project: webhook: \{ secret: git-webhook \}/,
  )
  const branch = yaml({
    project: '  webhook: { secret: hook }',
    jobs: '  nightly: { environment: prod, steps: [dbt build], on: [{ commit: { branch: dev } }] }',
  })
  assert.match(problem(branch), /on\[0\]\.commit\.branch "dev" is not the branch of environment prod \(main\)/)
  assert.match(problems(job('on: { commit: true }').replace('{ commit: true }', '{ commit: false }')).join(), /on\.commit/)
  const own = yaml({ jobs: '  nightly: { environment: prod, steps: [dbt build], on: { commit: true } }' }).replace(
    'https://example.com/acme/shop.git',
    'codecommit::eu-central-1://shop',
  )
  assert.deepEqual(good(own).config.jobs['shop/nightly']?.triggers, [{ kind: 'commit', name: 'commit' }])
  assert.equal(needsWebhook(good(own).config), false)
})

test('a public address only for those who use it', () => {
  const configOf = (on: string) =>
    good(yaml({ project: '  webhook: { secret: hook }', jobs: `  nightly: { environment: prod, steps: [dbt build]${on} }` }))
      .config
  assert.deepEqual(
    ['', ', on: { s3: { bucket: raw } }', ', on: { commit: true }', ', on: { request: { secret: ci } }'].map(on =>
      needsWebhook(configOf(on)),
    ),
    [false, false, true, true],
  )
  assert.deepEqual(webhookSecrets(configOf(', on: { request: { secret: ci#key } }')), [
    { name: 'hook', field: null },
    { name: 'ci', field: 'key' },
  ])
})

test('variables stand for what a run knows, by names alone', () => {
  const vars = (text: string) => good(job(`vars: ${text}`)).config.jobs['shop/nightly']?.vars
  assert.deepEqual(
    vars('{ day: "{{ date }}", n: 3, full: true, path: "s3://{{event_bucket}}/{{ event_key }}", t: "{{ detail.table.name }}" }'),
    {
      day: '{{ date }}',
      n: 3,
      full: true,
      path: 's3://{{event_bucket}}/{{ event_key }}',
      t: '{{ detail.table.name }}',
    },
  )
  assert.match(
    problem(job('vars: { day: "{{ dat }}" }')),
    /vars\.day \{\{ dat \}\} is nothing that a run knows of itself; did you mean "date"\?/,
  )
  assert.match(problem(job('vars: { day: "{{ date | upper }}" }')), /is nothing that a run knows/)
  assert.match(problem(job('vars: { day: "{% if x %}" }')), /names alone can stand there/)
  assert.match(problem(job('vars: { "a-b": 1 }')), /cannot name a variable of dbt/)
})
