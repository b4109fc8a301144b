import { unwrap } from './api-answer.ts'
import type { Command } from './command.ts'
import { connect } from './installation.ts'
import { resolveRun } from './runs-query.ts'

export const cancelCommand: Command = {
  usage: 'cancel <run>',
  summary: 'stop a run; what is built stays, results and log are kept',
  options: [],
  examples: ['tidemill cancel last'],
  async run(context, input) {
    const connection = await connect(context)
    const record = await resolveRun(connection, input.words.run ?? '', context.effects.clock.now())
    const answer = unwrap(await connection.api({ operation: 'cancel', run: record.id }))
    return {
      document: { run: answer.run ?? record, message: answer.message },
      lines: [answer.message, `See it end:  tidemill logs ${record.id} --follow`],
    }
  },
}
