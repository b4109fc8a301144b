import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelSecrets } from '../../shared/channel-secrets.ts'
import { quietUntil } from '../../shared/quiet.ts'
import { good, problem, problems, yaml } from './config-helper.ts'

const job = (notify: string, more = 'notifications: { email: [a@example.com], slack: { secret: hook } }', environment = '') =>
  yaml({ jobs: `  nightly: { environment: prod, steps: [dbt build]${notify && `, notify: ${notify}`} }`, more, environment })
const rules = (...args: Parameters<typeof job>) => good(job(...args)).config.jobs['shop/nightly']?.notify

test('the nearest rules count: of the job, else of its environment, else of the installation, else every channel', () => {
  const installation = 'notifications: { email: [a@example.com], notify: { email: true, on: [missed] } }'
  const environment = '    notify: { email: true, on: [warn] }'
  const on = (...args: Parameters<typeof job>) => rules(...args)?.map(rule => rule.on)
  assert.deepEqual(on('{ email: true, on: [error] }', installation, environment), [['error']])
  assert.deepEqual(on('', installation, environment), [['warn']])
  assert.deepEqual(on('', installation), [['missed']])
  assert.deepEqual(on('', 'notifications: { email: [a@example.com] }'), [['error', 'recovered', 'missed']])
  assert.deepEqual(on('[]', installation, environment), [])
})

test('every channel and every condition of a rule arrives where it belongs', () => {
  const channels = `notifications:
  email: [a@example.com]
  email_lists: { finance: [f@example.com, a@example.com] }
  slack: { token: slack-bot, channel: "#data" }
  teams: { secret: teams-hook, targets: { finance: teams-finance } }
  pagerduty: { secret: "pager#key", region: eu }
  webhook: { secret: hook }
  events: true`
  const { config } = good(
    job(
      '[{ slack: "#x", teams: finance, on: [error, late], repeat: 1h, quiet: { from: "22:00", to: "7:30", timezone: Europe/Berlin }, urgent: true }, { email: finance, match: { owner: [ana, ben], meta: { team: x } } }, { pagerduty: true, on: [error] }, { events: true, webhook: true }]',
      channels,
    ),
  )
  const quiet = { from: 1320, to: 450, timezone: 'Europe/Berlin' }
  const all = ['error', 'warn', 'success', 'recovered', 'cancelled', 'missed', 'source_stale']
  assert.deepEqual(config.jobs['shop/nightly']?.notify, [
    { channel: 'slack', target: '#x', on: ['error', 'late'], repeat: 3600, quiet, urgent: true },
    { channel: 'teams', target: 'finance', on: ['error', 'late'], repeat: 3600, quiet, urgent: true },
    { channel: 'email', target: 'finance', on: ['error', 'recovered'], match: { owner: ['ana', 'ben'], meta: { team: 'x' } } },
    // An incident that nothing resolves would stay open.
    { channel: 'pagerduty', target: '', on: ['error', 'recovered'] },
    { channel: 'webhook', target: '', on: all },
    { channel: 'events', target: '', on: all },
  ])
  assert.deepEqual(config.channels.slack, { secret: { name: 'slack-bot', field: null }, bot: { channel: '#data' } })
  assert.deepEqual(config.channels.email?.lists, { finance: ['f@example.com', 'a@example.com'] })
  assert.deepEqual(
    channelSecrets(config.channels).map(ref => ref.name),
    ['slack-bot', 'teams-hook', 'teams-finance', 'pager', 'hook'],
  )
})

test('what cannot work is refused with what to write', () => {
  const both = 'notifications: { email: [a@example.com], slack: { secret: hook }, teams: { secret: t, targets: { finance: f } } }'
  const told = (notify: string, more = both) => problem(job(notify, more))
  assert.match(
    told('{ pagerduty: true }'),
    /notify\.pagerduty pagerduty is not set up; add .*pagerduty: \{ secret: pagerduty-key \}/,
  )
  assert.match(
    told('{ teams: finanze }'),
    /notify\.teams "finanze" is not in notifications\.teams\.targets; did you mean "finance"/,
  )
  assert.match(told('{ email: finance }'), /"finance" is not in notifications\.email_lists/)
  assert.match(told('[{ email: true }, { slack: true, match: { owner: x }, on: [error, late] }]'), /late is about the whole run/)
  assert.match(told('[{ slack: true, match: { owner: x } }]'), /tells nobody of error in nodes that no `match` takes/)
  assert.match(told('[{ email: true }, { slack: true, match: {} }]'), /match is empty, so no node would fit/)
  assert.match(told('{ slack: true, urgent: true }'), /urgent means something only beside `quiet`/)
  assert.match(told('{ slack: true, quiet: { from: "7:00", to: "7:00" } }'), /begins and ends at the same time/)
  assert.match(told('{ slack: true, quiet: { from: "25:00", to: "7:00" } }'), /"25:00" is not a time of day/)
  assert.match(told('{ slack: true, repeat: hourly }'), /"hourly" is not known; write every, daily, never, or a duration/)
  assert.match(told('{ slack: true, repeat: 1m }'), /is shorter than 5m/)
  const bot = 'notifications: { slack: { token: t, channel: "#data" } }'
  assert.match(
    told('{ slack: finance }', bot),
    /"finance" is not a channel of Slack; write its name with # \("#finance"\) or its id/,
  )
})

test('lists of addresses alone: a rule names one, and nobody is told by default', () => {
  const more = 'notifications: { email_lists: { finance: [f@example.com] } }'
  assert.deepEqual(rules('{ email: finance }', more), [
    { channel: 'email', target: 'finance', on: ['error', 'recovered', 'missed'] },
  ])
  assert.deepEqual(rules('', more), [])
  assert.match(problem(job('{ email: true }', more)), /email is not set up/)
})

test('what a channel needs is asked for', () => {
  const told = (slack: string) => problems(job('', `notifications: { slack: ${slack} }`)).join('\n')
  assert.match(told('{}'), /needs `secret` \(a webhook\) or `token` \(a bot\), and not both/)
  assert.match(told('{ secret: a, token: b, channel: "#c" }'), /and not both/)
  assert.match(told('{ token: b }'), /needs `channel` beside `token`/)
  assert.match(told('{ secret: a, channel: "#c" }'), /which only a `token` can choose/)
  assert.match(problem(job('', 'notifications: { teams: { targets: {} } }')), /teams\.secret is missing/)
  assert.match(
    problem(job('', `notifications: { webhook: { secret: "https://hooks.slack.com/services/T/B/x" } }`)),
    /a Slack webhook address/,
  )
})

test('quiet hours end by the clock of their zone, also in the night it changes', () => {
  const berlin = { from: 22 * 60, to: 7 * 60, timezone: 'Europe/Berlin' }
  const until = (now: string, hours = berlin) => quietUntil(hours, new Date(now))?.toISOString()
  assert.equal(until('2026-11-22T20:59:00Z'), undefined)
  assert.equal(until('2026-11-22T21:00:00Z'), '2026-11-23T06:00:00.000Z')
  assert.equal(until('2026-11-23T05:59:59Z'), '2026-11-23T06:00:00.000Z')
  assert.equal(until('2026-11-23T06:00:00Z'), undefined)
  // 25 October 2026: 03:00 becomes 02:00; 29 March 2026: 02:00 becomes 03:00.
  assert.equal(until('2026-10-24T21:00:00Z'), '2026-10-25T06:00:00.000Z')
  assert.equal(until('2026-03-28T22:00:00Z'), '2026-03-29T05:00:00.000Z')
  const noon = { from: 12 * 60, to: 13 * 60, timezone: 'UTC' }
  assert.deepEqual(
    [until('2026-11-22T12:30:00Z', noon), until('2026-11-22T13:00:00Z', noon)],
    ['2026-11-22T13:00:00.000Z', undefined],
  )
})
