import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PublishCommand } from '@aws-sdk/client-sns'
import { type ComposeDeps, composeMessage } from '../../lambda/notifier/compose.ts'
import { makeEmail } from '../../lambda/notifier/email.ts'
import type { Config } from '../../shared/config-model.ts'
import type { RunRecord } from '../../shared/run.ts'
import { ENDS, job, record } from '../shared/message-records.ts'
import { config } from './notifier-config.ts'
import { item, message, own } from './notifier-fakes.ts'

function makeDeps(change: Partial<ComposeDeps> = {}, jobs: Config['jobs'] = { 'harbour_line/nightly': job }): ComposeDeps {
  const failed: RunRecord = { ...record, ...ENDS.error }
  return {
    store: { run: async id => (id === record.id ? failed : undefined) },
    configs: {
      load: async hash => {
        assert.equal(hash, record.config, 'as the run was claimed with it')
        return config({}, jobs)
      },
    },
    runsBefore: async () => [record, record, record],
    installation: 'tidemill',
    consoleUrl: 'https://eu-central-1.console.aws.amazon.com',
    log: () => undefined,
    ...change,
  }
}

test('a message has the usual duration, the cost and a link to the log', async () => {
  const { facts, links } = await composeMessage(makeDeps(), item('email'))
  assert.deepEqual(facts, [
    'Commit 4f2c1ab "Winter prices" (Ada Author, 6 h before the run).',
    // 705 s of 1 vCPU and 2 GB on ARM.
    'Started 02:00 Europe/Copenhagen by schedule, 11 min (usual 11 min), 0.008 USD.',
  ])
  const [link] = links
  assert.equal(
    link?.url,
    'https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#logsV2:log-groups/log-group/$252Ftidemill$252Ftidemill$252Fharbour_line$252Fprod/log-events/run$252Frunner$252F0f1e2d3c4b5a69788796a5b4c3d2e1f0',
  )
})

test('without a console there is no link; without the runs before, no usual duration, and the message goes out', async () => {
  const logged: string[] = []
  const refused = () => Promise.reject(new Error('AccessDenied'))
  const deps = makeDeps({ consoleUrl: undefined, runsBefore: refused, log: text => logged.push(text) })
  const { facts, links } = await composeMessage(deps, item('email'))
  assert.deepEqual(links, [])
  assert.match(facts[1] ?? '', /, 11 min, 0\.008 USD/)
  assert.deepEqual(logged, ['usual duration is not known'])
})

test('a job has its short name where only one project has it', async () => {
  const jobs = { 'harbour_line/nightly': job, 'finance/nightly': { ...job, project: 'finance' } }
  assert.match((await composeMessage(makeDeps({}, jobs), item('email'))).title, /^✗ harbour_line\/nightly failed in prod/)
  assert.match((await composeMessage(makeDeps(), item('email'))).title, /^✗ nightly failed in prod/)
})

test('the streak is that of the message, which was counted when it was written down', async () => {
  const streak = { failures: 3, since: '2026-11-20T01:11:43Z' }
  const { meaning } = await composeMessage(makeDeps(), { ...item('email'), streak })
  assert.ok(
    meaning.some(line => line.startsWith('It has failed 3 times in a row')),
    meaning.join(),
  )
})

test('a run or a job that is not there is an error that names it', async () => {
  await assert.rejects(composeMessage(makeDeps(), { ...item('email'), runId: 'x' }), /run x is not in the table/)
  await assert.rejects(composeMessage(makeDeps({}, {}), item('email')), /harbour_line\/nightly is not in configuration/)
})

test('an e-mail has subject, text and attributes to filter by', async () => {
  const calls: PublishCommand['input'][] = []
  const client = { send: async (command: PublishCommand) => void calls.push(command.input) }
  const sent = await makeEmail(client as never, 'arn:aws:sns:eu-central-1:123456789012:tidemill', 'tidemill')(message, own)
  assert.deepEqual(sent, { outcome: 'sent' })
  assert.equal(calls.length, 1)
  assert.equal(calls[0]?.Subject, '✗ nightly failed in prod: stg_fares and 1 more')
  assert.ok(calls[0]?.Message?.startsWith(message.title))
  assert.deepEqual(
    Object.fromEntries(Object.entries(calls[0]?.MessageAttributes ?? {}).map(([name, value]) => [name, value.StringValue])),
    { kind: 'error', project: 'harbour_line', environment: 'prod', job: 'nightly', runId: record.id },
  )
})

test('fault 39: SNS that is busy is tried again, a topic that is gone is not', async () => {
  let injected = 0
  const outcome = async (name: string) => {
    const refuse = () => {
      injected += 1
      return Promise.reject(Object.assign(new Error('refused'), { name }))
    }
    return (await makeEmail({ send: refuse } as never, 'arn', 'tidemill')(message, own)).outcome
  }
  assert.equal(await outcome('ThrottledException'), 'later')
  assert.equal(await outcome('AuthorizationErrorException'), 'later')
  assert.equal(await outcome('NotFoundException'), 'never')
  assert.equal(injected, 3)
})

test('where there are hosted pages the first link is to the run there, and no command for the browser is needed', async () => {
  const site = {
    domain: 'runs.acme.example',
    docsDomain: 'docs.acme.example',
    certificate: 'c',
    signIn: { kind: 'password' },
  } as const
  const configs = { load: async () => ({ ...config({}, { 'harbour_line/nightly': job }), site }) }
  const hosted = await composeMessage(makeDeps({ configs }), item('email'))
  assert.deepEqual(hosted.links[0], { label: 'Run', url: `https://runs.acme.example/#/runs/${record.id}` })
  assert.ok(!JSON.stringify(hosted).includes('tidemill ui'))
  assert.ok(JSON.stringify(await composeMessage(makeDeps(), item('email'))).includes(`tidemill ui --run ${record.id}`))
})
