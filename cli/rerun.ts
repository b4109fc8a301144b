import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'
import { unwrap } from './api-answer.ts'
import { type Command, flagOption, textOption } from './command.ts'
import { connect } from './installation.ts'
import { waitForRun } from './run.ts'
import { resolveRun } from './runs-query.ts'

export const rerunCommand: Command = {
  usage: 'rerun <run>',
  summary: 'another run from the start, with the same parameters',
  options: [
    { flags: '--exact', text: 'also on the same commit, with the configuration that the run had; refused where that cannot be' },
    { flags: '--wait', text: 'wait for the end; the exit code says how it ended (0 good, 1 dbt failed, 3 infrastructure)' },
    { flags: '--follow', text: 'wait, and show stages and models as they happen' },
    { flags: '--idempotency-key <key>', text: 'the same key starts it only once, however often it is asked' },
  ],
  examples: ['tidemill rerun last', 'tidemill rerun 9f3ac2 --exact --wait'],
  async run(context, input) {
    const connection = await connect(context)
    const record = await resolveRun(connection, input.words.run ?? '', context.effects.clock.now())
    const idempotencyKey = textOption(input, 'idempotencyKey') ?? context.effects.randomKey()
    const exact = flagOption(input, 'exact')
    const request = { operation: 'rerun', run: record.id, idempotencyKey, ...(exact && { exact }) } as const
    const { run, message, existed = false } = unwrap(await connection.api(request))
    if (!run) throw new UserError(`The api started no run: ${message}`, { exitCode: EXIT.infrastructure })
    if (!flagOption(input, 'wait') && !flagOption(input, 'follow'))
      return {
        document: { run, existed, message },
        lines: [message, `Follow it:  tidemill logs ${run.id} --follow`, `Cancel it:  tidemill cancel ${run.id}`],
      }
    context.say(message)
    return waitForRun(context, connection, run, { nodes: flagOption(input, 'follow'), existed })
  },
}
