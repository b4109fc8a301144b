import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ensureVenv, findPython } from '../../local/venv.ts'
import type { SiteConfig } from '../../shared/config-model.ts'
import { config } from './fixture.ts'
import { synthesise } from './synth.ts'

const root = join(import.meta.dirname, '../..')

describe('cfn-lint', () => {
  let program = ''
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-lint-'))
  before(
    async () => {
      const venv = await ensureVenv({
        name: 'cfn-lint',
        requirements: [join(root, 'test/requirements/cfn-lint.txt')],
        cacheDir: join(root, '.cache/venv'),
        python: await findPython(process.env.TIDEMILL_PYTHON),
        onProgress: () => {},
      })
      program = join(venv, 'bin/cfn-lint')
    },
    { timeout: 300_000 },
  )
  after(() => rmSync(folder, { recursive: true }))

  // W3005: CDK writes out dependencies that follow from references as well.
  const lint = (...files: string[]) =>
    spawnSync(
      program,
      ['--format', 'parseable', '--regions', 'eu-central-1', 'us-east-1', '--ignore-checks', 'W3005', '--', ...files],
      {
        encoding: 'utf8',
        timeout: 120_000,
      },
    )

  it('finds nothing in the main template and the nested ones', { timeout: 180_000 }, () => {
    synthesise(config(), { keep: folder })
    const templates = readdirSync(folder).map(file => join(folder, file))
    assert.equal(templates.length, 4)
    const { status, stdout, stderr } = lint(...templates)
    assert.equal(stdout + stderr, '')
    assert.equal(status, 0)
  })

  it('finds nothing in the template of the hosted pages, whoever signs in', { timeout: 180_000 }, () => {
    const certificate = 'arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f'
    const hosts = { domain: 'runs.acme.example', docsDomain: 'docs.acme.example', certificate }
    const groups = { claim: 'groups', roles: { viewer: ['all'], operator: [], admin: ['leads'] } }
    const clientSecret = { name: 'oidc', field: 'secret' }
    const oidc: SiteConfig['signIn'] = {
      kind: 'oidc',
      issuer: 'https://idp.acme.example',
      clientId: 'tidemill',
      clientSecret,
      scopes: ['openid'],
    }
    const ways: Record<string, Omit<SiteConfig, keyof typeof hosts>> = {
      password: { signIn: { kind: 'password' } },
      saml: { signIn: { kind: 'saml', metadata: 'https://idp.acme.example/saml', email: 'email' }, groups },
      oidc: { signIn: oidc, groups },
    }
    const templates = Object.entries(ways).map(([name, way]) => {
      const kept = join(folder, name)
      mkdirSync(kept)
      synthesise(config({ site: { ...hosts, ...way } }), { keep: kept })
      return join(kept, 'Site.template.json')
    })
    const { status, stdout, stderr } = lint(...templates)
    assert.equal(stdout + stderr, '')
    assert.equal(status, 0)
  })

  it('would find a mistake', { timeout: 60_000 }, () => {
    const broken = join(folder, 'broken.json')
    writeFileSync(broken, JSON.stringify({ Resources: { Bucket: { Type: 'AWS::S3::Bucket', Properties: { Nme: 'x' } } } }))
    const { status, stdout } = lint(broken)
    assert.match(stdout, /E3002/)
    assert.equal(status, 2)
  })
})
