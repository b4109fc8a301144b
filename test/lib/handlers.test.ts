import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { TriggerConfig } from '../../shared/config-model.ts'
import { ENV } from '../../shared/contract.ts'
import { config, job } from './fixture.ts'
import { find, findArn, statementsOf, textOf } from './policy.ts'
import { synthesise } from './synth.ts'

const { main } = synthesise(config())
const table = findArn(main, 'AWS::DynamoDB::Table')
const bucket = findArn(main, 'AWS::S3::Bucket')

/** What the comment at the top of a handler says that it needs. */
function headOf(name: string) {
  const text = readFileSync(join(import.meta.dirname, '../../lambda', name, 'handler.ts'), 'utf8').replaceAll('\n *', '')
  const names = (pattern: RegExp) =>
    (pattern.exec(text)?.[1] ?? '')
      .split(/,| and /)
      .map(each => each.trim())
      .filter(Boolean)
      .sort()
  return {
    table: names(/dynamodb: ([\w, ]+) on the table/),
    indexes: names(/Query on ([\w/ ]+)/).map(index => index.replace('index/', '')),
    calls: names(/lambda:InvokeFunction on ([\w, ]+?) (?:Invoked|Time limit|-)/),
    timeout: Number(/Time limit (\d+) s/.exec(text)?.[1]),
    memory: Number(/memory (\d+) MB/.exec(text)?.[1]),
    reads: names(/s3:GetObject on ([\w/*, ]+)/),
    writes: names(/s3:PutObject on ([\w/*, ]+)/),
  }
}

/** What the stack grants to it. */
function grantedTo(name: string, template = main) {
  const statements = statementsOf(find(template, 'AWS::IAM::Role', new RegExp(`^Functions${name}Role`)))
  const resources = (action: string) =>
    statements.filter(({ actions }) => actions.includes(action)).flatMap(each => each.resources)
  const below = (prefix: string, all: string[]) =>
    all
      .filter(each => each.startsWith(prefix))
      .map(each => each.slice(prefix.length))
      .sort()
  const onTable = statements.filter(({ resources }) => resources.includes(table)).flatMap(({ actions }) => actions)
  const { Timeout, MemorySize } = find(template, 'AWS::Lambda::Function', new RegExp(`^Functions${name}`)).Properties
  return {
    table: below('dynamodb:', onTable),
    indexes: below(`${table}/index/`, resources('dynamodb:Query')),
    calls: resources('lambda:InvokeFunction')
      .map(arn => arn.split('-').at(-1))
      .sort(),
    timeout: Timeout,
    memory: MemorySize,
    reads: below(`${bucket}/`, resources('s3:GetObject')),
    writes: below(`${bucket}/`, resources('s3:PutObject')),
  }
}

describe('permissions, time and memory that the head of a handler names are those the stack gives', () => {
  for (const name of ['launcher', 'dispatcher', 'finisher', 'notifier', 'compactor', 'api'])
    it(name, () => {
      const wanted = headOf(name)
      assert.ok(wanted.table.length > 0 && wanted.reads.length > 0, 'the head of the handler was not understood')
      assert.deepEqual(grantedTo(name), wanted)
    })

  it('webhook, which has no table', () => {
    const request: TriggerConfig = { kind: 'request', name: 'request', secret: { name: 'ci', field: null }, overrides: [] }
    const { main: open } = synthesise(config({ jobs: { 'ferry/load': job('load', { triggers: [request] }) } }))
    const wanted = headOf('webhook')
    assert.deepEqual([wanted.calls, wanted.reads], [['launcher'], ['config/*']])
    assert.deepEqual(grantedTo('webhook', open), wanted)
  })

  it('sweeper, whose objects are those of the finisher', () => {
    const { reads, writes } = headOf('finisher')
    assert.deepEqual(grantedTo('sweeper'), { ...headOf('sweeper'), reads, writes })
  })
})

describe('links of messages', () => {
  const consoleOf = (consoleUrl?: string) => {
    const template = consoleUrl === undefined ? main : synthesise(config(), { consoleUrl }).main
    return find(template, 'AWS::Lambda::Function', /^Functionsnotifier/).Properties.Environment.Variables[ENV.consoleUrl]
  }

  it('lead to the console of the region', () => {
    assert.equal(textOf(consoleOf()), 'https://eu-central-1.console.aws.amazon.com')
  })

  it('lead elsewhere or nowhere when told so', () => {
    assert.equal(consoleOf('https://console.example.com'), 'https://console.example.com')
    assert.equal(consoleOf(''), undefined)
  })
})
