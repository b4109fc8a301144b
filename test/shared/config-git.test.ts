import assert from 'node:assert/strict'
import { test } from 'node:test'
import { good, job, problem, yaml } from './config-helper.ts'

const KEY = `git.example.com ssh-ed25519 ${'A'.repeat(68)}`
const at = (repository: string, credentials: string) =>
  yaml().replace('https://example.com/acme/shop.git', `"${repository}"\n  credentials: { ${credentials} }`)

test('an ssh host is known by its published key, or its key is asked for', () => {
  assert.deepEqual(good(at('git@github.com:acme/shop.git', 'secret: key')).config.projects.shop?.knownHosts, [])
  const named = good(at('ssh://git@git.example.com/acme/shop.git', `secret: key, known_hosts: ["${KEY}"]`))
  assert.deepEqual(named.config.projects.shop?.knownHosts, [KEY])
  assert.match(
    problem(at('ssh://git@git.example.com:2222/a/b.git', 'secret: key')),
    /needs known_hosts: .*\[git\.example\.com\]:2222/,
  )
})

test('known_hosts are lines as ssh-keyscan prints them, and only ssh has them', () => {
  assert.match(
    problem(at('git@git.example.com:a/b.git', 'secret: key, known_hosts: ["git.example.com"]')),
    /is not a line of known_hosts; `ssh-keyscan HOST` prints them/,
  )
  assert.match(
    problem(at('https://git.example.com/a/b.git', `secret: t, known_hosts: ["${KEY}"]`)),
    /only an ssh repository uses/,
  )
})

test('an outage, state and static docs are off unless asked for; asking wrongly is refused', () => {
  const plain = good(job('docs: true')).config
  assert.deepEqual([plain.jobs['shop/nightly']?.docsStatic, plain.jobs['shop/nightly']?.state], [false, 'off'])
  assert.equal(plain.environments['shop/prod']?.onGitOutage, 'fail')
  const asked = good(yaml({ environment: '    on_git_outage: last_commit' })).config
  assert.equal(asked.environments['shop/prod']?.onGitOutage, 'last_commit')
  assert.match(problem(job('state: staging')), /state/)
  assert.match(problem(yaml({ environment: '    on_git_outage: last' })), /on_git_outage.*fail.*last_commit/)
  assert.match(
    problem(yaml({ project: '  submodules: true', environment: '    on_git_outage: last_commit' })),
    /last_commit does not go together with submodules/,
  )
})
