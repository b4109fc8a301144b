import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { App, Stack } from 'aws-cdk-lib'
import { Topic } from 'aws-cdk-lib/aws-sns'

const root = join(import.meta.dirname, '../..')

describe('as a part of a larger CDK app', () => {
  it('the built library makes its stack beside others, under the name by which the command line finds it', {
    timeout: 60_000,
  }, async () => {
    const { builtCode, requireConfig, TidemillStack } = await import(join(root, 'dist/lib/index.mjs'))
    const path = join(root, 'example/tidemill.yml')
    const read = (file: string) => readFileSync(file, 'utf8')
    const { config } = requireConfig({ path, text: read(path), read })
    const app = new App()
    new Topic(new Stack(app, 'Theirs'), 'Topic')
    new TidemillStack(app, 'Ours', { config, code: builtCode(), env: { account: '111122223333', region: 'eu-central-1' } })
    const assembly = app.synth()
    assert.deepEqual(assembly.stacks.map(({ stackName }) => stackName).sort(), ['Theirs', 'tidemill'])
  })
})
