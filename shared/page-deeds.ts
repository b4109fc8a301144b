/** What can be done about a run or a job: the command to paste, and the request of its button. */
import type { JobConfig } from './config-model.ts'
import { fullName } from './contract.ts'
import { type Deed, type Pause, pauseOf } from './page-api.ts'
import { offersRetry } from './reasons.ts'
import { isFinal, type RunRecord } from './run.ts'

/** Whoever asks puts in the key of the request: the same when a button is pressed twice. */
const KEY = { idempotencyKey: '' } as const

/** The likeliest first. `tidemill`: in front of every command, with its options. */
export function deedsOf(record: RunRecord, tidemill: string): Deed[] {
  const { id, project, job, status, reason } = record
  const name = fullName(project, job)
  if (!isFinal(status)) {
    const cancel: Deed = {
      name: record.cancel ? 'Cancel again' : 'Cancel',
      does: 'Stops the run. What has been built stays; people are told that it was cancelled.',
      command: `${tidemill} cancel ${id}`,
      request: { operation: 'cancel', run: id },
    }
    return [{ name: 'Follow', does: 'The log as it is written.', command: `${tidemill} logs ${id} --follow` }, cancel]
  }
  const retry: Deed = {
    name: 'Retry',
    does: 'The same run goes on with another attempt, on the same commit: only what is left is built.',
    command: `${tidemill} retry ${id}`,
    request: { operation: 'retry', run: id },
    main: true,
  }
  const retried =
    reason !== undefined && record.attempts.length > 0 && (status === 'error' || status === 'cancelled') && offersRetry(reason)
  const again: Deed = {
    name: 'Run again',
    does: 'A new run of the job: all of it, on the newest commit of the branch.',
    command: `${tidemill} run ${name}`,
    request: { operation: 'run', job: name, ...KEY },
    main: !retried && status === 'error',
  }
  const exact: Deed = {
    name: 'Repeat exactly',
    does: 'A new run on the commit and the configuration of this one.',
    command: `${tidemill} rerun ${id} --exact`,
    request: { operation: 'rerun', run: id, ...KEY, exact: true },
  }
  const changed: Deed = {
    name: 'Repeat',
    does: 'A new run with the steps, code and variables that this one was asked for, on the newest commit unless it named one.',
    command: `${tidemill} rerun ${id}`,
    request: { operation: 'rerun', run: id, ...KEY },
  }
  return [...(retried ? [retry] : []), again, ...(record.overrides ? [changed] : []), ...(record.attempts.length ? [exact] : [])]
}

/** `pauses`: undefined while it is not known what is paused. */
export function jobDeeds(job: JobConfig, tidemill: string, pauses: readonly Pause[] | undefined): Deed[] {
  const name = fullName(job.project, job.name)
  const pause = pauses && pauseOf(pauses, job)
  const option = pause?.of === 'environment' ? '--environment ' : ''
  const run: Deed = {
    name: 'Run now',
    does: 'A new run of the job on the newest commit of the branch.',
    command: `${tidemill} run ${name}`,
    request: { operation: 'run', job: name, ...KEY },
  }
  if (pause)
    return [
      {
        name: option ? 'Resume the environment' : 'Resume',
        does: `Lets ${option ? `the jobs of ${pause.name}` : 'the job'} run again; what was due meanwhile is not made up for.`,
        command: `${tidemill} resume ${option}${pause.name}`,
        request: option ? { operation: 'resume', environment: pause.name } : { operation: 'resume', job: name },
        main: true,
      },
    ]
  const stop: Deed = {
    name: 'Pause',
    does: 'Nothing starts it any more until it is resumed; a run that goes on ends by itself.',
    command: `${tidemill} pause ${name}`,
    request: { operation: 'pause', job: name },
  }
  return pauses ? [run, stop] : [run]
}
