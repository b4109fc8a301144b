import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ENV } from '../../shared/contract.ts'
import { findProgram, skipWithout } from '../need.ts'
import { startBucket } from './bucket.ts'
import { makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, startRunner, step } from './runner.ts'

const OPTIONS = { timeout: 60_000, skip: skipWithout('sshd') }

const keygen = (file: string) => execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file])

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await new Promise<number>(done =>
    server.listen(0, '127.0.0.1', () => done((server.address() as { port: number }).port)),
  )
  await new Promise(done => server.close(done))
  return port
}

/** OpenSSH's server on loopback, with a host key and a configuration of its own; the one key may read the one repository. */
async function setUp(t: { after(fn: () => void): void }) {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const repository = makeRepository(folder, SHOP)
  const at = (name: string) => join(folder, name)
  for (const name of ['host', 'other-host', 'user']) keygen(at(name))
  const allowed = `command="git-upload-pack '${repository.dir}'",restrict ${readFileSync(at('user.pub'), 'utf8')}`
  writeFileSync(at('authorized'), allowed, { mode: 0o600 })
  const port = await freePort()
  const config = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${at('host')}`,
    `AuthorizedKeysFile ${at('authorized')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
  ]
  writeFileSync(at('sshd_config'), `${config.join('\n')}\n`)
  // Where the server separates privileges; only root needs it.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true })
  const server = spawn(findProgram('sshd') ?? '', ['-D', '-e', '-f', at('sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(() => void server.kill())
  let said = ''
  await new Promise<void>((resolve, reject) => {
    server.stderr.on('data', chunk => {
      said += chunk
      if (said.includes('Server listening')) resolve()
    })
    server.once('exit', () => reject(new Error(`sshd ended: ${said}`)))
  })
  const plan = makePlan({ url: `ssh://${userInfo().username}@127.0.0.1:${port}/shop.git` }, folder)
  plan.repository.credentials = 'ssh'
  plan.steps = [step(0, 'checkout')]
  const hostKey = (name: string) =>
    `[127.0.0.1]:${port} ${readFileSync(at(`${name}.pub`), 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ')}`
  // A secret of several lines may have lost the last line end.
  const run = () => startRunner(bucket, plan, folder, { [ENV.gitSshKey]: readFileSync(at('user'), 'utf8').trimEnd() }).end
  return { folder, repository, plan, hostKey, run, log: () => said }
}

test('an ssh repository whose host shows the pinned key is checked out, and the key is gone afterwards', OPTIONS, async t => {
  const { folder, repository, plan, hostKey, run } = await setUp(t)
  plan.repository.knownHosts = [hostKey('host')]
  const end = await run()
  assert.equal(end.result?.outcome, 'success', end.output)
  assert.equal(end.result?.commit?.sha, repository.git('rev-parse', 'HEAD'))
  assert.ok(!existsSync(join(folder, 'work', 'attempt', 'git-home')))
  assert.ok(!end.output.includes('PRIVATE KEY'))
})

test('fault 15: a host that shows another key than the pinned one gets no key of ours, once', OPTIONS, async t => {
  const { plan, hostKey, run, log } = await setUp(t)
  plan.repository.knownHosts = [hostKey('other-host')]
  const end = await run()
  assert.equal(end.result?.reason, 'source_auth', end.output)
  assert.match(end.result?.message ?? '', /showed another ssh key.*Host key verification failed/)
  assert.ok(!end.output.includes('trying again'))
  assert.ok(!log().includes('Accepted publickey'))
})

test('fault 15: a host of which no key is known is not trusted', OPTIONS, async t => {
  const { run } = await setUp(t)
  const end = await run()
  assert.equal(end.result?.reason, 'source_auth', end.output)
  assert.match(end.result?.message ?? '', /The key of the ssh host \[127\.0\.0\.1\]:\d+ is not known.*known_hosts/)
})
