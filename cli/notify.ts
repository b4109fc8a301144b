/** Who is told what, and whether it would reach them. */
import type { Config } from '../shared/config-model.ts'
import { UserError } from '../shared/errors.ts'
import type { NotifyRule } from '../shared/notify.ts'
import { unwrap } from './api-answer.ts'
import { type Command, type Context, flagOption, type Outcome, textOption } from './command.ts'
import type { Connection } from './connection.ts'
import { handleFailed } from './failed-messages.ts'
import { connect } from './installation.ts'
import { awaitArrivals, placeOf } from './message-arrivals.ts'

export const notifyCommand: Command = {
  usage: 'notify',
  summary: 'who is told what of which job; with --test, whether it reaches them',
  options: [
    { flags: '--test', text: 'send a message marked as a test to every target and wait for how it went' },
    { flags: '--failed', text: 'list the messages that were given up' },
    { flags: '--resend', text: 'send those again and wait for how it went' },
    { flags: '--since <when>', text: 'given up not longer ago than e.g. 2h, 7d (default: 3d)' },
  ],
  examples: ['tidemill notify --test', 'tidemill notify --failed', 'tidemill notify --resend --since 12h'],
  async run(context, input) {
    const [asked, ...more] = (['test', 'failed', 'resend'] as const).filter(name => flagOption(input, name))
    if (more.length) throw new UserError(`--${asked} and --${more[0]} cannot be given together.`)
    if (textOption(input, 'since') !== undefined && asked !== 'failed' && asked !== 'resend')
      throw new UserError('--since belongs to --failed or --resend.')
    const connection = await connect(context)
    if (asked === 'test') return sendTest(context, connection)
    return asked ? handleFailed(context, connection, input, asked === 'resend') : listRules(await connection.config())
  },
}

function listRules({ jobs }: Config): Outcome {
  const lines = Object.entries(jobs).flatMap(([name, job]) => [
    `${name}${job.notify.length ? '' : '   nobody is told'}`,
    ...job.notify.map(rule => `  ${placeOf(rule)}   ${rule.on.join(', ')}${conditionsOf(rule)}`),
  ])
  const document = { jobs: Object.fromEntries(Object.entries(jobs).map(([name, job]) => [name, job.notify])) }
  return { document, lines: [...lines, '', 'See whether it reaches them:  tidemill notify --test'] }
}

function conditionsOf({ match, repeat, quiet, urgent }: NotifyRule): string {
  const time = (minutes: number) =>
    `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
  const parts = [
    match === 'unmatched' ? 'nodes that nobody else is told of' : match ? `nodes of ${JSON.stringify(match)}` : '',
    repeat === undefined ? '' : `again ${typeof repeat === 'number' ? `every ${repeat / 60} min` : repeat}`,
    quiet ? `quiet ${time(quiet.from)} to ${time(quiet.to)} ${quiet.timezone}${urgent ? ' but for errors' : ''}` : '',
  ].filter(Boolean)
  return parts.length ? `   (${parts.join('; ')})` : ''
}

async function sendTest(context: Context, connection: Connection): Promise<Outcome> {
  const { messages = [], message } = unwrap(await connection.api({ operation: 'notify' }))
  context.say(message)
  const whenAll = 'All took it. Look whether it is there: an address must have confirmed its subscription first.'
  return awaitArrivals(context, connection, messages, whenAll)
}
