/** A disk that is nearly full, made of memory in a name space of its own: nobody else sees it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'tidemill-disk-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Why not, or false. */
function skip(): false | string {
  if (spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', folder]).status === 0) return false
  const why = 'needs name spaces of the kernel (Linux; as root, or with unprivileged user name spaces allowed)'
  if (process.env.CI === 'true') throw new Error(`${why}; with CI=true this test may not be skipped`)
  return why
}

const CONFIG = JSON.stringify({
  version: 1,
  project: { name: 'small', repository: 'https://git.example.com/small.git' },
  environments: { prod: { branch: 'main', dbt: { engine: 'core-1.11', adapters: ['duckdb'] } } },
  jobs: { nightly: { environment: 'prod', schedule: { every: '1h' }, steps: ['dbt build'] } },
})

/** `local up` with a disk of 20 MB at `full`; lists `full` afterwards. */
function upWithFull(full: string) {
  const place = join(folder, 'place')
  const cache = join(folder, 'cache')
  for (const path of [place, cache]) mkdirSync(path, { recursive: true })
  const script = `
    mount -t tmpfs -o size=20m tmpfs "$FULL" && cd "$PLACE" && printf %s "$CONFIG" > tidemill.yml
    "$NODE" "$TIDEMILL" local up; code=$?
    find "$FULL" -type f; exit $code`
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    NODE: process.execPath,
    TIDEMILL: join(root, 'dist/bin/tidemill.mjs'),
    TIDEMILL_CACHE: cache,
    PLACE: place,
    FULL: join(folder, full),
    CONFIG,
  }
  const { status, stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', script], { env, encoding: 'utf8', timeout: 60_000 })
  return { status, stdout, stderr }
}

test('a nearly full disk is refused before anything is made', { skip: skip(), timeout: 120_000 }, () => {
  const cache = upWithFull('cache')
  assert.equal(cache.status, 3, JSON.stringify(cache))
  assert.match(cache.stderr, /The disk is nearly full: 20 MB free in .*cache.*, about 700 MB are needed/)
  assert.match(cache.stderr, /TIDEMILL_CACHE=/)
  assert.ok(!cache.stdout.includes(join(folder, 'cache/')), cache.stdout)

  const place = upWithFull('place')
  assert.equal(place.status, 3, JSON.stringify(place))
  assert.match(place.stderr, /The disk is nearly full: .* free in .*place/)
  assert.ok(!place.stdout.includes('.tidemill'), place.stdout)
})
