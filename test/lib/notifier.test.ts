import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { config } from './fixture.ts'
import { find, isAllowed, type Statement, statementsOf } from './policy.ts'
import { ofType, synthesise, type Template } from './synth.ts'

const secret = (name: string, field: string | null = null) => ({ name, field })
const every = synthesise(
  config({
    channels: {
      email: { addresses: ['data@acme.example'], lists: { finance: ['fin@acme.example', 'data@acme.example'] } },
      slack: { secret: secret('slack-webhook'), targets: { ops: secret('slack-ops') } },
      teams: { secret: secret('teams', 'url'), targets: {} },
      pagerduty: { secret: secret('pager'), region: 'us', targets: { night: secret('pager-night') } },
      webhook: { secret: secret('receiver'), targets: {} },
      events: true,
    },
  }),
).main
const plain = synthesise(config()).main
const role = (template: Template): Statement[] => statementsOf(find(template, 'AWS::IAM::Role', /notifierRole/))
const arn = (service: string, rest: string) => `arn:aws:${service}:eu-central-1:111122223333:${rest}`
const reads = (template: Template, name: string) =>
  isAllowed(role(template), { action: 'secretsmanager:GetSecretValue', resource: arn('secretsmanager', `secret:${name}-a1B2c3`) })

describe('notifier', () => {
  it('reads the secrets of the channels that are set up, and no others', () => {
    for (const name of ['slack-webhook', 'slack-ops', 'teams', 'pager', 'pager-night', 'receiver'])
      assert.ok(reads(every, name), name)
    for (const name of ['git-token', 'pager-day', 'receiver2']) assert.ok(!reads(every, name), name)
    assert.ok(reads(plain, 'slack-webhook'))
    assert.ok(!reads(plain, 'pager'))
  })

  it('puts events of its own source on the default bus, where events are on', () => {
    const puts = (template: Template, source: string, bus = 'default') =>
      isAllowed(role(template), {
        action: 'events:PutEvents',
        resource: arn('events', `event-bus/${bus}`),
        context: { 'events:source': source },
      })
    assert.ok(puts(every, 'tidemill.tidemill'))
    assert.ok(!puts(every, 'aws.ecs'))
    assert.ok(!puts(every, 'tidemill.other'))
    assert.ok(!puts(every, 'tidemill.tidemill', 'other'))
    assert.ok(!puts(plain, 'tidemill.tidemill'))
  })

  it('publishes to a topic of each list, which has its addresses', () => {
    const list = find(every, 'AWS::SNS::Topic', /Listfinance/)
    assert.equal(list.Properties.TopicName, 'tidemill-mail-finance')
    const addresses = Object.values(ofType(every, 'AWS::SNS::Subscription')).map(each => each.Properties.Endpoint)
    assert.deepEqual(addresses.sort(), ['data@acme.example', 'data@acme.example', 'fin@acme.example'])
    const topics = role(every).flatMap(({ actions, resources }) => (actions.includes('sns:Publish') ? resources : []))
    assert.equal(topics.length, 2)
    assert.equal(Object.keys(ofType(plain, 'AWS::SNS::Topic')).length, 1)
  })
})
