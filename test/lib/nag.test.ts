import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type App, Stack, Validations } from 'aws-cdk-lib'
import { Bucket } from 'aws-cdk-lib/aws-s3'
import { AwsSolutionsChecks } from 'cdk-nag'
import type { Config } from '../../shared/config-model.ts'
import { config, environment, job } from './fixture.ts'
import { synthesise } from './synth.ts'

const check = (app: App) => Validations.of(app).addPlugins(new AwsSolutionsChecks(app))

const site = {
  domain: 'runs.acme.example',
  docsDomain: 'docs.acme.example',
  certificate: 'arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f',
}

const configurations: Record<string, Config> = {
  'an own VPC and images built in the account': config(),
  'hosted pages with passwords': config({ site: { ...site, signIn: { kind: 'password' } } }),
  'hosted pages with a directory': config({
    site: { ...site, signIn: { kind: 'saml', metadata: 'https://idp.acme.example/saml', email: 'email' } },
  }),
  'an existing VPC, Docker, policies for dbt and CodeCommit': config({
    network: {
      kind: 'existing',
      vpc: 'vpc-0123456789abcdef0',
      subnets: ['subnet-0123456789abcdef0'],
      securityGroups: [],
      publicIp: false,
    },
    images: { build: 'docker' },
    environments: {
      'ferry/prod': environment('prod', { policies: ['arn:aws:iam::aws:policy/AmazonAthenaFullAccess'], awsCredentials: true }),
    },
    projects: {
      ferry: {
        name: 'ferry',
        repository: 'codecommit::eu-central-1://ferry',
        folder: '.',
        credentials: { kind: 'codecommit' },
        submodules: false,
      },
    },
    jobs: {
      'ferry/load': job('load', {
        triggers: [
          { kind: 'commit', name: 'commit' },
          { kind: 'event', name: 'event', bus: 'acme', pattern: { source: ['acme'] }, coalesce: false },
          { kind: 'request', name: 'request', secret: { name: 'ci', field: null }, overrides: [] },
        ],
      }),
    },
  }),
}

describe('cdk-nag AwsSolutions and the checks of CDK itself', () => {
  for (const [name, each] of Object.entries(configurations))
    it(`find nothing that is not acknowledged: ${name}`, { timeout: 60_000 }, () => {
      // A finding makes synth throw.
      assert.deepEqual(synthesise(each, { prepare: check }).messages, [])
    })

  it('would find a bucket without access logs and TLS', { timeout: 60_000 }, () => {
    const prepare = (app: App) => {
      check(app)
      new Bucket(new Stack(app, 'Other'), 'Bucket')
    }
    assert.throws(() => synthesise(config(), { prepare }), /Validation failed/)
  })
})
