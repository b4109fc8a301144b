import assert from 'node:assert/strict'
import { test } from 'node:test'
import { good } from './config-helper.ts'

const HOST_KEY = `example.com ssh-ed25519 ${'A'.repeat(68)}`

test('every option arrives where it belongs', () => {
  const { config } = good(
    `version: 1
installation: acme-data
project: { name: shop, repository: "git@example.com:acme/shop.git", credentials: { secret: deploy-key, known_hosts: ["${HOST_KEY}"] }, folder: ./transform/dbt/, submodules: true }
environments:
  prod:
    branch: release/2027
    dbt: { image: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/dbt:1.2.0" }
    variables: { RATE: 1.10, FLAG: true, TEXT: "x" }
    size: { cpu: 4, disk: 100 GB, architecture: x86_64, spot: true }
    aws_credentials: true
    policies: ["arn:aws:iam::123456789012:policy/athena-read"]
    max_running: 3
jobs:
  a:
    environment: prod
    description: Loads
    schedule:
      - { cron: "@daily" }
      - { name: late, cron: "0 22 L * *", timezone: America/New_York, enabled: false }
      - { every: 15m }
    steps: [dbt test, dbt source freshness, dbt test -s "tag:a b"]
    deps: false
    freshness: fail
    docs: static
    state: production
    publishes: [state]
    timeout: 1h30m
    start_within: 90 min
    overlap: cancel
    priority: -3
    retry: { attempts: 4, on: [memory, resume], patterns: ['is suspended'], backoff: { first: 1m, factor: 1.5, max: 10m }, within: 3h, resume: false }
    deactivate_after: 5
    notify: [{ slack: true, on: [success] }, { email: true, slack: "#a", on: [error, error] }]
network: { vpc: vpc-0123456789abcdef0, subnets: [subnet-0123456789abcdef0], security_groups: [sg-0123456789abcdef0], public_ip: true }
images: { build: docker }
retention: { logs: 90d, runs: 2w }
notifications: { email: [a@example.com], slack: { secret: "hooks#data" } }
`,
  )
  const environment = config.environments['shop/prod']
  assert.deepEqual(environment?.variables, { RATE: '1.10', FLAG: 'true', TEXT: 'x' })
  assert.deepEqual(environment?.size, {
    cpu: 4096,
    memory: 8192,
    disk: 100,
    architecture: 'x86_64',
    fallbackArchitecture: null,
    spot: true,
  })
  assert.deepEqual(environment?.dbt, {
    engine: 'image',
    adapters: [],
    image: '123456789012.dkr.ecr.eu-central-1.amazonaws.com/dbt:1.2.0',
  })
  assert.deepEqual(config.projects.shop?.credentials, { kind: 'ssh', secret: { name: 'deploy-key', field: null } })
  assert.deepEqual(config.projects.shop?.knownHosts, [HOST_KEY])
  assert.equal(config.projects.shop?.folder, 'transform/dbt')
  const a = config.jobs['shop/a']
  assert.deepEqual(
    a?.schedules.map(each => [each.name, each.expressions.length, each.timezone, each.enabled]),
    [
      ['default', 1, 'UTC', true],
      ['late', 1, 'America/New_York', false],
      ['3', 1, 'UTC', true],
    ],
  )
  assert.deepEqual(
    a?.steps.map(step => step.name),
    ['test', 'source-freshness', 'test-2'],
  )
  assert.deepEqual(a?.steps[2]?.args, ['test', '-s', 'tag:a b'])
  assert.deepEqual(
    [a?.timeoutSeconds, a?.startWithinSeconds, a?.priority, a?.freshness, a?.deps],
    [5400, 5400, -3, 'fail', false],
  )
  assert.deepEqual(a?.notify, [
    { channel: 'slack', target: '', on: ['success'] },
    { channel: 'email', target: '', on: ['error'] },
    { channel: 'slack', target: '#a', on: ['error'] },
  ])
  assert.deepEqual(a?.publishes, ['state'])
  assert.deepEqual([a?.docs, a?.docsStatic, a?.state], [true, true, 'production'])
  assert.deepEqual(config.retention, { logs: 90, runs: 14 })
  assert.deepEqual(config.images, { build: 'docker' })
  assert.deepEqual(config.network, {
    kind: 'existing',
    vpc: 'vpc-0123456789abcdef0',
    subnets: ['subnet-0123456789abcdef0'],
    securityGroups: ['sg-0123456789abcdef0'],
    publicIp: true,
  })
})
