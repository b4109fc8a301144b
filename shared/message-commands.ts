/** What to do about a run: the sentence of its reason, and commands to paste, the likeliest first. */
import { formatCount } from './format.ts'
import type { MessageInput } from './message.ts'
import { offersRetry, reasonRow } from './reasons.ts'
import { isFinal, type RunRecord } from './run.ts'
import { resumeOf } from './run-settings.ts'

export interface Command {
  /** What it does, on a line of its own: the command below can be pasted. */
  does: string
  command: string
}

/** Label of the link to the page of the run. */
export const PAGE_LINK = 'Run'

export function nextOf({ kind, record, job }: MessageInput): string {
  switch (kind) {
    case 'late':
      if (isFinal(record.status)) return ''
      return 'Look at what it is busy with. It may only have more to do; cancel it if it hangs.'
    case 'source_stale':
      return job.freshness === 'fail'
        ? reasonRow('freshness').next
        : 'Ask whoever loads the sources; run the job again when the data has arrived.'
    case 'success':
    case 'recovered':
    case 'warn':
      return ''
    default:
      return record.reason ? reasonRow(record.reason).next : ''
  }
}

/** `hidden`: failing nodes that the message does not name. */
export function commandsOf(input: MessageInput, hidden: number): Command[] {
  const { record, links } = input
  const linked = links.some(({ label }) => label === PAGE_LINK)
  const browser = { does: 'In the browser', command: `tidemill ui --run ${record.id}` }
  return [...commandsFor(input, hidden), ...(linked || !record.attempts.length ? [] : [browser])]
}

function commandsFor({ kind, record, jobName }: MessageInput, hidden: number): Command[] {
  const { id } = record
  const retried = kind === 'error' || kind === 'cancelled' ? retry(record) : []
  const does = retried.length ? 'All of it, on the newest commit' : 'Run it again, on the newest commit'
  const again = { does, command: `tidemill run ${jobName}` }
  const log = { does: 'The log', command: `tidemill logs ${id}` }
  const show = { does: hidden > 0 ? 'All that failed' : 'More of this run', command: `tidemill show ${id}` }
  switch (kind) {
    case 'missed':
      return [
        { does: 'Run it now', command: `tidemill run ${jobName}` },
        { does: 'When it is to run', command: `tidemill next ${jobName}` },
      ]
    case 'late':
      if (isFinal(record.status)) return [show]
      return [
        { does: 'Watch it', command: `tidemill logs ${id} --follow` },
        { does: 'Stop it', command: `tidemill cancel ${id}` },
      ]
    case 'error':
    case 'cancelled': {
      const resumed = record.streak?.deactivated ? [{ does: 'Let the job run again', command: `tidemill resume ${jobName}` }] : []
      return [...retried, ...resumed, again, record.startedAt ? log : show, ...(record.startedAt && hidden > 0 ? [show] : [])]
    }
    case 'warn':
      return [log, show]
    case 'source_stale':
      return [again, show]
    default:
      return [show]
  }
}

function retry(record: RunRecord): Command[] {
  if (!record.reason || !record.attempts.length || !offersRetry(record.reason)) return []
  const left = resumeOf(record)?.left
  const what = left
    ? `Only the ${left === 1 ? 'one remaining node' : `${formatCount(left)} remaining nodes`}`
    : 'Only what is left'
  return [{ does: `${what}, on the same commit`, command: `tidemill retry ${record.id}` }]
}
