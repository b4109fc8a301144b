import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeCommitToken, codeCommitUrl, parseCodeCommit } from '../../container/runner/git-codecommit.ts'
import { credentialText, gitEnvironment, shownUrl } from '../../container/runner/git-command.ts'
import { type GitFault, gitFault, gitWords } from '../../container/runner/git-errors.ts'
import { knownHostsOf, sshHost } from '../../shared/git-hosts.ts'

const settings = (env: Record<string, string>): Record<string, string | undefined> =>
  Object.fromEntries(
    Array.from({ length: Number(env.GIT_CONFIG_COUNT) }, (_, i) => [env[`GIT_CONFIG_KEY_${i}`], env[`GIT_CONFIG_VALUE_${i}`]]),
  )

test('fault 30: git runs no hooks, asks nobody and reads no configuration of the machine', () => {
  const env = gitEnvironment({ PATH: '/bin' }, 'file:///r', { kind: 'none' })
  assert.equal(settings(env)['core.hooksPath'], '/dev/null')
  assert.equal(settings(env)['protocol.ext.allow'], 'never')
  assert.equal(env.GIT_TERMINAL_PROMPT, '0')
  assert.equal(env.GIT_CONFIG_GLOBAL, '/dev/null')
  assert.equal(env.GIT_CONFIG_NOSYSTEM, '1')
  assert.equal(env.PATH, '/bin')
})

test('a token goes to the host of the repository only, with the user that the host expects', () => {
  const user = (url: string, token: string) => /^username=(.*)$/m.exec(credentialText(url, token))?.[1]
  const env = gitEnvironment({}, 'https://git.example.com/acme/shop.git', { kind: 'token', credentialFile: '/k/credential' })
  assert.match(settings(env)['credential.https://git.example.com.helper'] ?? '', /cat '\/k\/credential'/)
  assert.equal(settings(env)['credential.helper'], '', 'no helper for other hosts')
  assert.equal(credentialText('https://git.example.com/a/b', 'token-of-a-test').split('\n')[1], 'password=token-of-a-test')
  assert.equal(user('https://github.com/a/b', 'secret'), 'x-access-token')
  assert.equal(user('https://bitbucket.org/a/b', 'secret'), 'x-token-auth')
  assert.equal(user('https://git.example.com/a/b', 'ana:secret'), 'ana')
})

test('an ssh key is used alone, without agent or configuration', () => {
  const env = gitEnvironment({}, 'git@github.com:a/b.git', { kind: 'ssh', keyFile: '/k/key', knownHostsFile: '/k/hosts' })
  assert.match(env.GIT_SSH_COMMAND ?? '', /-i '\/k\/key'.*IdentitiesOnly=yes.*BatchMode=yes/)
  assert.match(env.GIT_SSH_COMMAND ?? '', /StrictHostKeyChecking=yes -o UserKnownHostsFile='\/k\/hosts'/)
})

test('ssh hosts: published keys of the large ones, named keys for others, nothing on trust', () => {
  assert.equal(sshHost('git@github.com:a/b.git'), 'github.com')
  assert.equal(sshHost('ssh://git@git.example.com:2222/a/b.git'), '[git.example.com]:2222')
  assert.equal(sshHost('ssh://git@git.example.com:22/a/b.git'), 'git.example.com')
  for (const host of ['github.com', 'gitlab.com', 'bitbucket.org'])
    assert.match(knownHostsOf(`git@${host}:a/b.git`)[0] ?? '', new RegExp(`^${host} ssh-ed25519 AAAA`))
  assert.deepEqual(knownHostsOf('git@git.example.com:a/b.git'), [])
  assert.deepEqual(knownHostsOf('git@git.example.com:a/b.git', ['git.example.com ssh-ed25519 AAAA']), [
    'git.example.com ssh-ed25519 AAAA',
  ])
  assert.deepEqual(knownHostsOf('git@constructor:a/b.git'), [])
})

test('an address is shown without what stands before the @', () => {
  assert.equal(shownUrl('https://user:word@github.com/a/b.git'), 'https://github.com/a/b.git')
  assert.equal(shownUrl('ssh://git@host/a'), 'ssh://host/a')
  assert.equal(shownUrl('git@github.com:a/b.git'), 'git@github.com:a/b.git')
})

const words: [GitFault, string][] = [
  ['auth', "remote: Invalid username or token.\nfatal: Authentication failed for 'https://github.com/a/b.git/'"],
  ['auth', "fatal: could not read Username for 'https://github.com': terminal prompts disabled"],
  ['auth', 'git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.'],
  ['auth', "fatal: unable to access 'https://host/a/': The requested URL returned error: 403"],
  ['no-ref', "fatal: couldn't find remote ref refs/heads/mian"],
  ['no-ref', 'fatal: remote error: upload-pack: not our ref 0123456789012345678901234567890123456789'],
  ['no-repository', "remote: Repository not found.\nfatal: repository 'https://github.com/a/b/' not found"],
  ['no-repository', "fatal: '/nowhere' does not appear to be a git repository\nfatal: Could not read from remote repository."],
  ['network', "fatal: unable to access 'https://host/a/': Could not resolve host: host"],
  ['network', "fatal: unable to access 'https://host/a/': The requested URL returned error: 503"],
  ['network', 'error: RPC failed; curl 18 transfer closed with outstanding read data remaining\nfatal: early EOF'],
  ['network', 'ssh: connect to host github.com port 22: Connection timed out'],
]
for (const [fault, stderr] of words)
  test(`fault ${fault === 'auth' ? 15 : fault === 'network' ? 14 : 16}: "${stderr.split('\n').at(-1)}" is ${fault}`, () => {
    assert.equal(gitFault(stderr), fault)
    assert.ok(gitWords(stderr).length > 0)
  })

test('CodeCommit: both forms of the address; the password is a signature of the path with the time in it', () => {
  const repository = { region: 'eu-central-1', name: 'shop' }
  assert.deepEqual(parseCodeCommit('codecommit::eu-central-1://shop'), repository)
  assert.deepEqual(parseCodeCommit(codeCommitUrl(repository)), repository)
  assert.equal(parseCodeCommit('https://github.com/a/b'), undefined)
  const china = { region: 'cn-north-1', name: 'shop' }
  assert.equal(codeCommitUrl(china), 'https://git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/shop')
  assert.deepEqual(parseCodeCommit(codeCommitUrl(china)), china)
  const credentials = { accessKeyId: 'ID', secretAccessKey: 'KEY', sessionToken: 'SESSION' }
  const token = codeCommitToken(repository, credentials, new Date('2026-11-22T01:02:03Z'))
  // Made with botocore's signer from the canonical request of AWS's own helper.
  assert.equal(token, 'ID%SESSION:20261122T010203Z85075408e6fa610d7ad232a2589a9c102ed8a7a21e8e9aaf087575026853d4d2')
  assert.notEqual(token, codeCommitToken({ ...repository, name: 'other' }, credentials, new Date('2026-11-22T01:02:03Z')))
})
