import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { callAws } from '../../local/aws-json.ts'
import { connect, down, reset, status, up } from '../../local/cloud.ts'
import { startOf } from '../../local/process.ts'
import { readProcesses } from '../../local/state.ts'
import type { UserError } from '../../shared/errors.ts'
import {
  logWith,
  prepareTasks,
  runInput,
  runTask,
  startTestCloud,
  type TaskDocument,
  type TestCloud,
  taskWith,
  waitFor,
} from './fixture.ts'

const limit = { timeout: 60_000 }
let it: TestCloud
before(async () => {
  it = await startTestCloud()
}, limit)
after(() => it?.close(), limit)

test('what is stored survives down and up, at the same address with the same key', limit, async () => {
  const { cloud, folder } = it
  await callAws(cloud, 'secretsmanager', 'CreateSecret', { Name: 'kept', SecretString: 'value' })
  await callAws(cloud, 'logs', 'CreateLogGroup', { logGroupName: '/kept' })
  const object = `${cloud.endpoint}/bucket/object`
  const s3 = (url: string, init: object = {}) =>
    fetch(url, {
      ...init,
      headers: { authorization: `AWS4-HMAC-SHA256 Credential=${cloud.accessKeyId}/20260101/us-east-1/s3/aws4_request` },
    })
  await s3(`${cloud.endpoint}/bucket`, { method: 'PUT' })
  assert.ok((await s3(object, { method: 'PUT', body: 'bytes' })).ok)

  assert.equal(await down({ folder }), true)
  assert.deepEqual(await readProcesses(cloud.paths), {})
  assert.equal(await connect(folder), undefined)
  assert.equal((await status({ folder })).emulator, 'down')
  assert.equal(await down({ folder }), false)

  const again = await it.up()
  assert.deepEqual([again.endpoint, again.ecsEndpoint, again.accessKeyId], [cloud.endpoint, cloud.ecsEndpoint, cloud.accessKeyId])
  const secret = (await callAws(again, 'secretsmanager', 'GetSecretValue', { SecretId: 'kept' })) as { SecretString: string }
  assert.equal(secret.SecretString, 'value')
  assert.equal(await (await s3(object)).text(), 'bytes')
})

test('up is idempotent, and two at once start one cloud', limit, async () => {
  const first = await readProcesses(it.cloud.paths)
  const results = await Promise.allSettled([it.up(), it.up()])
  assert.ok(results.some(result => result.status === 'fulfilled'))
  for (const result of results)
    if (result.status === 'rejected') assert.match(String(result.reason), /Another command is starting or stopping/)
  assert.deepEqual(await readProcesses(it.cloud.paths), first)
  assert.equal((await connect(it.folder))?.endpoint, it.cloud.endpoint)
})

test('only the user can read address and key', limit, () => {
  assert.equal(statSync(it.cloud.paths.description).mode & 0o077, 0)
  assert.equal(statSync(it.cloud.paths.root).mode & 0o077, 0)
})

test('nothing of it can be committed by accident; a .gitignore of the user stays', limit, async () => {
  const ignore = join(it.folder, '.tidemill/.gitignore')
  assert.equal(readFileSync(ignore, 'utf8'), '*\n')
  writeFileSync(it.cloud.paths.secrets, 'plain: one\n')
  const git = (...args: string[]) => execFileSync('git', args, { cwd: it.folder, encoding: 'utf8' })
  git('init', '-q')
  git('add', '--all', '.tidemill')
  assert.equal(git('ls-files', '.tidemill'), '')
  writeFileSync(ignore, 'local/\n')
  await it.up()
  assert.equal(readFileSync(ignore, 'utf8'), 'local/\n')
})

test('secrets.yml is loaded, changed values too; what is wanted and missing is named', limit, async () => {
  mkdirSync(join(it.folder, '.tidemill'), { recursive: true })
  writeFileSync(it.cloud.paths.secrets, 'plain: one\nteam/db:\n  user: ana\n  port: 5432\n')
  const { missingSecrets } = await it.up({ secrets: ['plain', 'absent', 'team/db'] })
  assert.deepEqual(missingSecrets, ['absent'])
  const value = async (SecretId: string) =>
    ((await callAws(it.cloud, 'secretsmanager', 'GetSecretValue', { SecretId })) as { SecretString: string }).SecretString
  assert.equal(await value('team/db'), '{"user":"ana","port":5432}')
  writeFileSync(it.cloud.paths.secrets, 'plain: two\n')
  await it.up()
  assert.equal(await value('plain'), 'two')
  writeFileSync(it.cloud.paths.secrets, '- a list\n')
  await assert.rejects(it.up(), (error: UserError) => error.name === 'UserError' && /secrets\.yml/.test(error.message))
  writeFileSync(it.cloud.paths.secrets, '')
})

test('a port that is taken is said, and nothing is left running', limit, async () => {
  const folder = join(it.folder, 'other')
  mkdirSync(folder)
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(done => server.once('listening', done))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const start = up({
    folder,
    cacheDir: join(import.meta.dirname, '../../.cache'),
    dist: it.dist,
    onProgress: () => undefined,
    ports: { emulator: port },
  })
  await assert.rejects(start, (error: UserError) => error.exitCode === 3 && error.message.includes(`Port ${port}`))
  server.close()
  assert.equal((await status({ folder })).emulator, 'down')
})

test('a port that another program takes before ours listens: others are tried', limit, async () => {
  const folder = join(it.folder, 'raced')
  mkdirSync(folder)
  const taken = createServer()
  const announced: string[] = []
  const onProgress = (line: string) => {
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(line) ?? []
    if (!port) return
    announced.push(port)
    if (announced.length === 1) taken.listen(Number(port), '127.0.0.1')
  }
  try {
    const { endpoint } = await up({ folder, cacheDir: join(import.meta.dirname, '../../.cache'), dist: it.dist, onProgress })
    assert.equal(announced.length, 2, announced.join())
    assert.equal(endpoint, `http://127.0.0.1:${announced[1]}`)
    assert.equal((await connect(folder))?.endpoint, endpoint)
  } finally {
    taken.close()
    await down({ folder })
  }
})

test('down ends running tasks, first politely; a server that was killed leaves none behind', limit, async () => {
  const queue = await prepareTasks(it)
  const script = `process.on('SIGTERM', () => { console.log('asked'); process.exit(0) }); console.log('pid', process.pid); setInterval(() => {}, 1000)`
  const pidOf = async (arn: string) => Number(/pid (\d+)/.exec((await logWith(it, arn, /pid/)).join(' '))?.[1])
  const polite = await runTask(it, runInput('down/1', script))
  const pid = await pidOf(polite.taskArn)
  await down({ folder: it.folder })
  assert.equal(startOf(pid), undefined)
  await it.up()
  await logWith(it, polite.taskArn, /asked/)
  const told: TaskDocument[] = []
  await waitFor('two events of the end', async () => {
    const details = (await queue.take()).map(({ Body }) => JSON.parse(Body).detail as TaskDocument)
    told.push(...details.filter(({ taskArn, lastStatus }) => taskArn === polite.taskArn && lastStatus === 'STOPPED'))
    return told.length >= 2 || undefined
  })
  assert.deepEqual(
    told.map(detail => [detail.stopCode, detail.version]),
    [told[0], told[0]].map(first => ['TerminationNotice', first?.version]),
    'told again after the restart, as the same event',
  )
  assert.equal((await taskWith(it, polite.taskArn, 'STOPPED')).stopCode, 'TerminationNotice')

  const orphan = await runTask(it, runInput('down/2', script))
  const orphanPid = await pidOf(orphan.taskArn)
  const { ecs } = await readProcesses(it.cloud.paths)
  assert.ok(ecs)
  process.kill(ecs.pid, 'SIGKILL')
  await waitFor('death', async () => (startOf(ecs.pid) === undefined ? true : undefined))
  assert.ok(startOf(orphanPid), 'it outlives its server')
  await it.up()
  const { stopCode } = await taskWith(it, orphan.taskArn, 'STOPPED')
  assert.equal(stopCode, 'InfrastructureHealth')
  assert.equal(startOf(orphanPid), undefined)
})

test(
  'a first process that is killed takes along what it started in groups of their own, as a container does',
  limit,
  async () => {
    const script = `
    const { spawn } = require('node:child_process')
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' })
    console.log('pids', process.pid, child.pid); setInterval(() => {}, 1000)`
    const pidsOf = async (arn: string) =>
      (/pids (\d+) (\d+)/.exec((await logWith(it, arn, /pids/)).join(' ')) ?? []).slice(1).map(Number)
    const killed = await runTask(it, runInput('family/1', script))
    const [first = 0, child = 0] = await pidsOf(killed.taskArn)
    assert.ok(startOf(child))
    process.kill(first, 'SIGKILL')
    await taskWith(it, killed.taskArn, 'STOPPED')
    assert.equal(startOf(child), undefined)

    // The same when nobody was there to see it end.
    const orphan = await runTask(it, runInput('family/2', script))
    const [second = 0, left = 0] = await pidsOf(orphan.taskArn)
    const { ecs } = await readProcesses(it.cloud.paths)
    assert.ok(ecs)
    process.kill(ecs.pid, 'SIGKILL')
    process.kill(second, 'SIGKILL')
    await it.up()
    await waitFor('end of the child', async () => (startOf(left) === undefined ? true : undefined))
  },
)

test('reset forgets everything but secrets.yml', limit, async () => {
  writeFileSync(it.cloud.paths.secrets, 'plain: three\n')
  const { emulator } = await readProcesses(it.cloud.paths)
  await reset({ folder: it.folder })
  assert.ok(!existsSync(it.cloud.paths.root))
  assert.ok(existsSync(it.cloud.paths.secrets))
  assert.ok(emulator && startOf(emulator.pid) === undefined)
  await sleep(0)
})
