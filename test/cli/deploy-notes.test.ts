import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deploymentNotes, describeDeployment } from '../../cli/deploy-notes.ts'
import { UserError } from '../../shared/errors.ts'
import { config, environment, job } from '../lib/fixture.ts'
import { fakeConnection, makeRun } from './fakes.ts'

const environments = { 'ferry/prod': environment('prod'), 'ferry/staging': environment('staging') }
const before = config({
  environments,
  jobs: { 'ferry/nightly': job('nightly'), 'ferry/hourly': job('hourly', { environment: 'staging' }) },
})
const open = [
  makeRun('20261122T110000-000000000001', { project: 'ferry', status: 'running' }),
  makeRun('20261122T110000-000000000002', { project: 'ferry', job: 'hourly', environment: 'staging', status: 'queued' }),
  makeRun('20261122T110000-000000000003', { project: 'ferry', job: 'hourly', environment: 'staging', status: 'starting' }),
]

test('fault 47: a deployment says beforehand what happens to open runs, removed jobs and renamed environments', () => {
  const after = config({
    environments: { 'ferry/prod': environments['ferry/prod'], 'ferry/test': environment('test') },
    jobs: { 'ferry/nightly': job('nightly') },
  })
  assert.deepEqual(deploymentNotes(before, after, open), [
    '3 runs are open; they end under the configuration with which they were claimed:',
    '  20261122T110000-000000000001  ferry/nightly  running',
    '  20261122T110000-000000000002  ferry/hourly  queued',
    '  20261122T110000-000000000003  ferry/hourly  starting',
    'Job ferry/hourly is removed: no new run of it starts; 1 waiting run still starts, 1 run under way goes on. Its runs stay readable.',
    'Environment ferry/staging becomes ferry/test, a new one: published state, docs, cache and a pause of ferry/staging do not go with it. Its task definition and roles stay for 2 open runs.',
  ])
})

test('a deployment that changes nothing of them says nothing', () => {
  assert.deepEqual(deploymentNotes(before, before, []), [])
  const [line] = deploymentNotes(before, before, open.slice(0, 1))
  assert.equal(line, '1 run is open; it ends under the configuration with which it was claimed:')
})

test('a first deployment has nothing to say, and a fault of ours is not hidden', async () => {
  const absent = async () => {
    throw new UserError('not deployed')
  }
  assert.deepEqual(await describeDeployment(absent, before), [])
  const notes = await describeDeployment(async () => fakeConnection({ runs: open, config: before }), before)
  assert.equal(notes.length, 4)
  const taken = await describeDeployment(async () => fakeConnection({ runs: open, config: before }), undefined)
  assert.match(taken.join('\n'), /3 runs are open\. Tasks .*nobody records[\s\S]*tidemill cancel 20261122T110000-000000000001/)
  await assert.rejects(
    describeDeployment(async () => {
      throw new TypeError('x')
    }, before),
    TypeError,
  )
})
