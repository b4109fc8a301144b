import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { HOSTS, isRepository } from '../../lambda/webhook/hosts.ts'
import { NOW } from '../fakes/records.ts'
import { HOOK, hmac, makeWebhook, SHA, signed } from './webhook-fixture.ts'

const options = { timeout: 10_000 }
const now = Math.round(Date.parse(NOW) / 1000)

test('each git host is understood', options, async () => {
  const gitlab = JSON.stringify({
    object_kind: 'push',
    ref: 'refs/heads/main',
    after: SHA,
    project: { path_with_namespace: 'acme/shop' },
  })
  const cloud = JSON.stringify({
    push: {
      changes: [
        { new: { type: 'branch', name: 'main', target: { hash: SHA } } },
        { new: null },
        { new: { type: 'tag', name: 'main', target: { hash: SHA } } },
      ],
    },
    repository: { full_name: 'acme/shop' },
  })
  const center = JSON.stringify({
    changes: [{ ref: { id: 'refs/heads/main', displayId: 'main', type: 'BRANCH' }, toHash: SHA, type: 'UPDATE' }],
    repository: { slug: 'shop', project: { key: 'ACME' } },
  })
  const own = JSON.stringify({ branch: 'main', commit: SHA, id: 'build 7' })
  const calls: [string, Record<string, string>, string][] = [
    [gitlab, { 'X-Gitlab-Event': 'Push Hook', 'X-Gitlab-Token': HOOK, 'X-Gitlab-Event-UUID': 'u-1' }, 'u-1'],
    [cloud, { 'X-Event-Key': 'repo:push', 'X-Request-UUID': 'u-2', 'X-Hub-Signature': `sha256=${hmac(cloud, HOOK)}` }, 'u-2'],
    [
      center,
      { 'X-Event-Key': 'repo:refs_changed', 'X-Request-Id': 'u-3', 'X-Hub-Signature': `sha256=${hmac(center, HOOK)}` },
      'u-3',
    ],
    [own, signed(own, now, HOOK), hashOf('build 7')],
  ]
  for (const [body, headers, eventId] of calls) {
    const hook = makeWebhook()
    assert.equal((await hook.post('/push/shop', body, headers)).status, 202)
    const [start, ...more] = await hook.starts()
    assert.deepEqual(
      [start?.job, start?.cause, more.length],
      ['ci', { kind: 'commit', repository: 'https://github.com/acme/shop.git', sha: SHA, eventId, branch: 'main' }, 0],
    )
  }
  assert.equal(HOSTS.length, calls.length)
})
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')

test('a repository is known by its path, whatever the host and the form of the address', () => {
  for (const address of [
    'https://github.com/acme/shop.git',
    'git@github.com:acme/shop.git',
    'ssh://git@ssh.github.com:443/Acme/Shop',
    'https://git.x.org/scm/acme/shop.git',
    'file:///srv/acme/shop',
  ])
    assert.ok(isRepository(address, 'acme/shop'), address)
  for (const address of [
    'https://github.com/acme/shop2.git',
    'https://github.com/notacme/shop.git',
    'https://github.com/acme/shop/x',
  ])
    assert.ok(!isRepository(address, 'acme/shop'), address)
})
