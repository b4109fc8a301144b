import { UserError } from '../shared/errors.ts'
import { unwrap } from './api-answer.ts'
import { type Command, type Context, type Input, type Option, type Outcome, textOption } from './command.ts'
import { connect } from './installation.ts'
import { findEnvironment, findJob } from './job-name.ts'

const ENVIRONMENT: Option = { flags: '--environment <name>', text: 'all jobs of an environment' }

export const pauseCommand: Command = {
  usage: 'pause [job]',
  summary: 'start no more runs of a job or a whole environment, by whatever trigger, until it is resumed',
  options: [ENVIRONMENT],
  examples: ['tidemill pause nightly', 'tidemill pause --environment prod'],
  run: (context, input) => change(context, input, 'pause'),
}

export const resumeCommand: Command = {
  usage: 'resume [job]',
  summary: 'let a paused job or environment run again',
  options: [ENVIRONMENT],
  run: (context, input) => change(context, input, 'resume'),
}

async function change(context: Context, input: Input, operation: 'pause' | 'resume'): Promise<Outcome> {
  const named = textOption(input, 'environment')
  const { job: word } = input.words
  if ((word === undefined) === (named === undefined))
    throw new UserError(
      word === undefined ? `What is to be ${operation}d?` : 'A job and an environment cannot be given together.',
      {
        hint: `Name one: tidemill ${operation} JOB, or tidemill ${operation} --environment NAME`,
      },
    )
  const connection = await connect(context)
  const config = await connection.config()
  const subject = named === undefined ? { job: findJob(config, word ?? '') } : { environment: findEnvironment(config, named) }
  const { message } = unwrap(await connection.api({ operation, ...subject }))
  const back = 'job' in subject ? subject.job : `--environment ${subject.environment}`
  const next = operation === 'pause' ? `Let it run again:  tidemill resume ${back}` : 'See what is due:  tidemill status'
  return { document: { ...subject, operation, message }, lines: [message, next] }
}
