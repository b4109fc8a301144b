import { unwrap } from './api-answer.ts'
import type { Command, Context, Input, Outcome } from './command.ts'
import { connect } from './installation.ts'
import { findJob } from './job-name.ts'

export const pauseCommand: Command = {
  usage: 'pause <job>',
  summary: 'start no more runs of a job, by whatever trigger, until it is resumed',
  options: [],
  run: (context, input) => change(context, input, 'pause'),
}

export const resumeCommand: Command = {
  usage: 'resume <job>',
  summary: 'let a paused job run again',
  options: [],
  run: (context, input) => change(context, input, 'resume'),
}

async function change(context: Context, input: Input, operation: 'pause' | 'resume'): Promise<Outcome> {
  const connection = await connect(context)
  const job = findJob(await connection.config(), input.words.job ?? '')
  const answer = unwrap(await connection.api({ operation, job }))
  const next = operation === 'pause' ? [`Let it run again:  tidemill resume ${job}`] : [`See when:  tidemill next ${job}`]
  return { document: { job, operation, message: answer.message }, lines: [answer.message, ...next] }
}
