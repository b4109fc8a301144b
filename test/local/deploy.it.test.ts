import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { callAws, signedHeaders } from '../../local/aws-json.ts'
import { down, status } from '../../local/cloud.ts'
import { type DeployProgress, deploy } from '../../local/deploy.ts'
import { readDescription, readProcesses } from '../../local/state.ts'
import type { UserError } from '../../shared/errors.ts'
import { startTestCloud, type TestCloud, waitFor } from './fixture.ts'

const limit = { timeout: 120_000 }
let it: TestCloud
before(async () => {
  it = await startTestCloud()
}, limit)
after(() => it?.close(), limit)

/** A small CDK app: a function behind a URL with IAM authorisation that answers with what it was asked and by whom. */
const app = (body: string) => `
import { App, CfnOutput, Stack } from 'aws-cdk-lib'
import { Code, Function, FunctionUrlAuthType, Runtime } from 'aws-cdk-lib/aws-lambda'
const app = new App()
if (!app.node.tryGetContext('config').endsWith('/tidemill.yml')) throw new Error('no configuration')
const stack = new Stack(app, 'small')
${body}
app.synth()`
const API = `
const api = new Function(stack, 'Api', {
  runtime: Runtime.NODEJS_22_X,
  handler: 'index.handler',
  code: Code.fromInline(\`exports.handler = async event => ({ statusCode: 200, body: JSON.stringify({
    path: event.rawPath, body: event.body, by: event.requestContext.authorizer.iam.userArn, secretive: process.env.HOME, shell: process.env.SHELL ?? null,
    ecs: process.env.AWS_ENDPOINT_URL_ECS }) })\`),
})
new CfnOutput(stack, 'TableName', { value: app.node.tryGetContext('imageRepository') })
new CfnOutput(stack, 'ApiUrl', { value: api.addFunctionUrl({ authType: FunctionUrlAuthType.AWS_IAM }).url })`

const run = (source: string, onProgress: (progress: DeployProgress) => void = () => undefined) => {
  mkdirSync(join(it.dist, 'bin'), { recursive: true })
  writeFileSync(join(it.dist, 'bin/app.mjs'), app(source))
  writeFileSync(join(it.folder, 'tidemill.yml'), 'version: 1\n')
  return deploy({ cloud: it.cloud, configPath: join(it.folder, 'tidemill.yml'), dist: it.dist, onProgress, timeoutSeconds: 100 })
}

const call = async (apiUrl: string) => {
  const request = { method: 'POST', body: '{"operation":"run"}' }
  assert.equal((await fetch(apiUrl, request)).status, 403, 'unsigned')
  const headers = { 'content-type': 'application/json', ...signedHeaders(it.cloud, 'lambda') }
  return (await (await fetch(apiUrl, { ...request, headers })).json()) as Record<string, string>
}

test('the CDK deploys; the api answers on loopback and knows its caller, also after down and up', limit, async () => {
  const seen: DeployProgress[] = []
  const { outputs, apiUrl, resources } = await run(API, progress => seen.push(progress))
  assert.equal(outputs.TableName, 'tidemill.local/runner')
  assert.ok(resources >= 3)
  assert.deepEqual([...new Set(seen.map(progress => progress.stage))], ['bootstrap', 'synth', 'deploy'])
  assert.equal(seen.at(-1)?.total, resources)
  const answer = await call(apiUrl)
  assert.equal(answer.path, '/')
  assert.equal(answer.body, '{"operation":"run"}')
  assert.match(answer.by ?? '', /^local:./)
  assert.equal(answer.shell, null, 'nothing of the environment of the user')
  assert.equal(answer.ecs, it.cloud.ecsEndpoint)

  await down({ folder: it.folder })
  const again = await it.up()
  assert.equal(again.apiUrl, apiUrl)
  assert.equal((await readDescription(it.cloud.paths))?.outputs?.TableName, 'tidemill.local/runner')
  assert.equal((await call(apiUrl)).by, answer.by)
})

const DEFINITION = `
const { CfnTaskDefinition } = await import('aws-cdk-lib/aws-ecs')
new CfnTaskDefinition(stack, 'Task', {
  family: 'nested',
  requiresCompatibilities: ['FARGATE'],
  networkMode: 'awsvpc',
  runtimePlatform: { operatingSystemFamily: 'LINUX', cpuArchitecture: 'ARM64' },
  cpu: '256',
  memory: '512',
  ephemeralStorage: { sizeInGiB: 30 },
  volumes: [{ name: 'work' }, { name: 'shared', efsVolumeConfiguration: { filesystemId: 'fs-1', transitEncryption: 'ENABLED' } }],
  containerDefinitions: [{
    name: 'runner',
    image: 'tidemill.local/runner:core-1.11-none',
    linuxParameters: { capabilities: { drop: ['ALL'] } },
    dockerLabels: { Team: 'Data' },
    mountPoints: [{ sourceVolume: 'work', containerPath: '/work', readOnly: false }],
    environment: [{ name: 'A', value: '1' }],
    secrets: [{ name: 'PASSWORD', valueFrom: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:db:password::' }],
    logConfiguration: { logDriver: 'awslogs', options: { 'awslogs-group': '/runs', Mode: 'kept' } },
  }],
  tags: [{ key: 'stage', value: REVISION }],
})`

test('a task definition made by CloudFormation is as one made by the API, nested properties too', limit, async () => {
  const described = async () =>
    (await callAws(it.cloud, 'ecs', 'DescribeTaskDefinition', { taskDefinition: 'nested' })) as {
      taskDefinition: Record<string, unknown>
    }
  await run(`${API}\nconst REVISION = 'one'\n${DEFINITION}`)
  const first = (await described()).taskDefinition
  const [container] = first.containerDefinitions as Record<string, unknown>[]
  assert.deepEqual(first.runtimePlatform, { operatingSystemFamily: 'LINUX', cpuArchitecture: 'ARM64' })
  assert.deepEqual(first.ephemeralStorage, { sizeInGiB: 30 })
  assert.deepEqual(first.volumes, [
    { name: 'work' },
    { name: 'shared', efsVolumeConfiguration: { filesystemId: 'fs-1', transitEncryption: 'ENABLED' } },
  ])
  assert.deepEqual(container, {
    name: 'runner',
    image: 'tidemill.local/runner:core-1.11-none',
    cpu: 0,
    essential: true,
    linuxParameters: { capabilities: { drop: ['ALL'] } },
    dockerLabels: { Team: 'Data' },
    mountPoints: [{ sourceVolume: 'work', containerPath: '/work', readOnly: false }],
    environment: [{ name: 'A', value: '1' }],
    secrets: [{ name: 'PASSWORD', valueFrom: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:db:password::' }],
    logConfiguration: { logDriver: 'awslogs', options: { 'awslogs-group': '/runs', Mode: 'kept' } },
  })
  assert.ok(!('proxyConfiguration' in first), 'what is not set is not there')
  // A change makes the next revision by the same way.
  await run(`${API}\nconst REVISION = 'two'\n${DEFINITION.replace('sizeInGiB: 30', 'sizeInGiB: 40')}`)
  const second = (await described()).taskDefinition
  assert.deepEqual([second.revision, second.ephemeralStorage], [2, { sizeInGiB: 40 }])
})

test('after a crash of the emulator, what was deployed is there, and the next deployment works', limit, async () => {
  await run(API)
  const { emulator } = await readProcesses(it.cloud.paths)
  assert.ok(emulator)
  // A snapshot follows the end of a deployment at once.
  const stored = () => statSync(join(it.cloud.paths.emulatorState, 'services/cloudformation.json')).mtimeMs
  const before = Date.now()
  await run(`${API}\nnew (await import('aws-cdk-lib/aws-s3')).Bucket(stack, 'Kept')`)
  await waitFor('snapshot', async () => (stored() > before ? true : undefined), 10)
  // Made after it: nothing but the disk will know of it.
  for (const path of ['late', 'late/object'])
    await fetch(`${it.cloud.endpoint}/${path}`, { method: 'PUT', body: '', headers: signedHeaders(it.cloud, 's3') })
  assert.ok(existsSync(join(it.cloud.paths.emulatorState, 's3/000000000000/late')))
  process.kill(emulator.pid, 'SIGKILL')
  const again = await it.up()
  assert.ok(again.apiUrl)
  assert.match((await call(again.apiUrl)).by ?? '', /^local:./)
  assert.equal((await fetch(`${again.endpoint}/late`, { headers: signedHeaders(again, 's3') })).status, 404)
  assert.equal(existsSync(join(it.cloud.paths.emulatorState, 's3/000000000000/late')), false)
  await run(`${API}\nnew (await import('aws-cdk-lib/aws-s3')).Bucket(stack, 'Late', { bucketName: 'late' })`)
})

test('after a crash that lost the state, nothing is said to be deployed', limit, async () => {
  const { emulator } = await readProcesses(it.cloud.paths)
  assert.ok(emulator)
  process.kill(emulator.pid, 'SIGKILL')
  await down({ folder: it.folder })
  rmSync(join(it.cloud.paths.emulatorState, 'services'), { recursive: true })
  assert.equal((await it.up()).apiUrl, undefined)
  assert.equal((await status({ folder: it.folder })).deployed, false)
})

test('an app that fails, and a resource that cannot be made, are said in their own words', limit, async () => {
  await assert.rejects(run(`throw new Error('the moon is full')`), (error: UserError) => {
    assert.equal(error.name, 'UserError')
    assert.match(error.message, /the moon is full/)
    assert.match(error.hint ?? '', /deploy\.log/)
    return true
  })
  const unknown = `new (await import('aws-cdk-lib')).CfnResource(stack, 'Odd', { type: 'AWS::Odd::Thing' })`
  await assert.rejects(run(unknown), (error: UserError) => /AWS::Odd::Thing/.test(error.message))
})

test('a time limit ends it', limit, async () => {
  writeFileSync(join(it.dist, 'bin/app.mjs'), 'setTimeout(() => {}, 20000)')
  const late = deploy({
    cloud: it.cloud,
    configPath: 'tidemill.yml',
    dist: it.dist,
    onProgress: () => undefined,
    timeoutSeconds: 3,
  })
  await assert.rejects(late, (error: UserError) => /not done after 3 s/.test(error.message))
})
