/** Whether a failure is new or known, since which commit, and what made it good again. */
import { formatCount, formatSpan, formatTime, shortSha } from './format.ts'
import type { MessageInput } from './message.ts'
import { commitWords, fixedBy, zoneOf } from './message-facts.ts'
import type { RunRecord } from './run.ts'

export function streakLine(input: MessageInput): string {
  const { failures, since, first, good } = input.record.streak ?? { failures: 0, since: input.record.claimedAt }
  // A run that ended after a newer one has counted knows nothing of the others.
  if (failures === 0) return ''
  if (failures === 1) {
    if (first) return 'No run of the job was good before.'
    if (!good?.runs) return 'This is new: the run before did not fail.'
    return good.runs === 1
      ? 'This is new: the run before was good.'
      : `This is new: the last ${formatCount(good.runs)} runs were good.`
  }
  const span = formatSpan((Date.parse(input.record.endedAt ?? input.record.claimedAt) - Date.parse(since)) / 1000)
  return `It has failed ${failures} times in a row, since ${formatTime(new Date(since), zoneOf(input))} (${span} before this one).`
}

/** What changed between the last good run and the first that failed: the code, or not. */
export function changeLine({ streak, commit, claimedAt }: RunRecord): string {
  const good = streak?.good?.sha
  const from = streak && streak.failures > 1 ? streak.from?.commit : commit
  if (!streak?.failures || !good || !from) return ''
  if (from.sha === good)
    return streak.failures === 1
      ? 'The run before was good on the same commit: look at the data and the warehouse first.'
      : `It began on a commit that had been good (${shortSha(good)}): look at the data and the warehouse first.`
  if (streak.failures === 1) return `The code is new: the run before was good on commit ${shortSha(good)}.`
  return `Failing since commit ${commitWords(from, claimedAt)}; good until ${shortSha(good)}.`
}

export function recoveryLine(record: RunRecord): string {
  const { streak, commit, claimedAt } = record
  const failed = streak?.from?.commit
  if (!failed || !commit) return ''
  const fix = fixedBy(record)
  if (!fix) return 'The code is the same as when it failed.'
  const since = failed.sha === streak.lastSha ? '' : ` It had failed since ${shortSha(failed.sha)}.`
  return `Fixed by commit ${commitWords(fix, claimedAt)}.${since}`
}
