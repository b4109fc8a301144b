import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'
import { unwrap } from './api-answer.ts'
import { type Command, flagOption } from './command.ts'
import { connect } from './installation.ts'
import { waitForRun } from './run.ts'
import { resolveRun } from './runs-query.ts'

export const retryCommand: Command = {
  usage: 'retry <run>',
  summary: 'have a failed or cancelled run go on: on its commit, only what is left is built',
  options: [
    { flags: '--wait', text: 'wait for the end; the exit code says how it ended (0 good, 1 dbt failed, 3 infrastructure)' },
    { flags: '--follow', text: 'wait, and show stages and models as they happen' },
  ],
  examples: ['tidemill retry last --follow'],
  async run(context, input) {
    const connection = await connect(context)
    const record = await resolveRun(connection, input.words.run ?? '', context.effects.clock.now())
    const answer = unwrap(await connection.api({ operation: 'retry', run: record.id }))
    const { run } = answer
    if (!run) throw new UserError(`The api opened no run: ${answer.message}`, { exitCode: EXIT.infrastructure })
    if (!flagOption(input, 'wait') && !flagOption(input, 'follow'))
      return {
        document: { run, message: answer.message },
        lines: [answer.message, `Follow it:  tidemill logs ${run.id} --follow`],
      }
    context.say(answer.message)
    return waitForRun(context, connection, run, {
      from: run.attempts.length + 1,
      nodes: flagOption(input, 'follow'),
      existed: true,
    })
  },
}
