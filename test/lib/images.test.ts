import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EnvironmentConfig } from '../../shared/config-model.ts'
import { config, environment } from './fixture.ts'
import { find, textOf } from './policy.ts'
import { type SynthOptions, synthesise, type Template } from './synth.ts'

const environments = (...all: EnvironmentConfig[]) => Object.fromEntries(all.map(each => [`ferry/${each.name}`, each]))
const synth = (all: EnvironmentConfig[], options: SynthOptions = {}, build: 'account' | 'docker' = 'account') =>
  synthesise(config({ environments: environments(...all), jobs: {}, images: { build } }), options).main
const imageOf = (template: Template, name: string): string => {
  const image = find(template, 'AWS::ECS::TaskDefinition', new RegExp(`ferry${name}Task`)).Properties.ContainerDefinitions[0]
    .Image
  return typeof image === 'string' ? image : JSON.stringify(image)
}
const builds = (template: Template) =>
  Object.values(template.resources).filter(({ Type }) => Type === 'Custom::CDKContainerImageBuild')
const pulls = (template: Template, name: string) =>
  JSON.stringify(find(template, 'AWS::IAM::Role', new RegExp(`ferry${name}ExecutionRole`)).Properties.Policies).includes(
    'ecr:BatchGetImage',
  )

describe('image of a task', () => {
  it('is built in the account: one build for each engine, set of adapters and architecture', () => {
    const duckdb = { engine: 'core-1.11', adapters: ['duckdb'], image: null } as const
    const both = { engine: 'core-1.11', adapters: ['postgres', 'duckdb'], image: null } as const
    const template = synth([
      environment('a', { dbt: { ...duckdb, adapters: ['duckdb'] } }),
      environment('b', { dbt: { ...duckdb, adapters: ['duckdb'] } }),
      environment('c', { dbt: { ...both, adapters: ['postgres', 'duckdb'] } }),
      environment('d', { dbt: { ...both, adapters: ['duckdb', 'postgres'] } }),
      environment('e', { size: { cpu: 1024, memory: 2048, disk: 20, architecture: 'x86_64', spot: false } }),
    ])
    assert.equal(builds(template).length, 3)
    assert.equal(imageOf(template, 'a'), imageOf(template, 'b'))
    assert.equal(imageOf(template, 'c'), imageOf(template, 'd'))
    assert.equal(new Set(['a', 'c', 'e'].map(name => imageOf(template, name))).size, 3)
    const prefixes = builds(template).map(({ Properties }) => Properties.tagPrefix)
    assert.deepEqual(prefixes.sort(), ['core-1.11-duckdb-arm64-', 'core-1.11-duckdb-postgres-arm64-', 'core-1.11-duckdb-x86_64-'])
    const commands = builds(template).map(({ Properties }) => Properties.buildCommand as string)
    for (const command of commands)
      assert.match(
        command,
        /--build-arg ENGINE=core-1\.11 --build-arg ADAPTERS=duckdb(,postgres)? --platform linux\/(arm64|amd64)/,
      )
    assert.ok(pulls(template, 'a'))
  })

  it('is built by Docker here if the configuration says so', () => {
    const template = synth([environment('a')], {}, 'docker')
    assert.equal(builds(template).length, 0)
    assert.match(imageOf(template, 'a'), /cdk-hnb659fds-container-assets-.*:[0-9a-f]{64}/)
    assert.ok(pulls(template, 'a'))
  })

  it('comes from the repository of ready-made images, by engine and adapters', () => {
    const template = synth([environment('a', { dbt: { engine: 'core-1.12', adapters: ['snowflake', 'duckdb'], image: null } })], {
      imageRepository: 'tidemill.local/runner',
    })
    assert.equal(imageOf(template, 'a'), 'tidemill.local/runner:core-1.12-duckdb-snowflake')
    assert.equal(builds(template).length, 0)
    assert.ok(!pulls(template, 'a'))
  })

  it('is the one the environment names; the execution role may pull it if it is in ECR, and no other', () => {
    const own = '444455556666.dkr.ecr.eu-west-1.amazonaws.com/data/dbt'
    const template = synth([
      environment('a', { dbt: { engine: 'image', adapters: [], image: `${own}:7` } }),
      environment('b', { dbt: { engine: 'image', adapters: [], image: `${own}@sha256:${'0'.repeat(64)}` } }),
      environment('c', { dbt: { engine: 'image', adapters: [], image: 'registry.acme.example/dbt:7' } }),
    ])
    assert.equal(imageOf(template, 'a'), `${own}:7`)
    for (const name of ['a', 'b']) {
      const policies = find(template, 'AWS::IAM::Role', new RegExp(`ferry${name}ExecutionRole`)).Properties.Policies
      const pull = policies[0].PolicyDocument.Statement.find((each: { Action: string[] }) =>
        each.Action.includes('ecr:BatchGetImage'),
      )
      assert.equal(textOf(pull.Resource), 'arn:aws:ecr:eu-west-1:444455556666:repository/data/dbt')
    }
    assert.ok(!pulls(template, 'c'))
  })
})
