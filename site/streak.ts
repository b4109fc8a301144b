/** How a job or a node has gone of late, in a sentence. Pure. */
import { formatSpan, plural } from '../shared/format.ts'

interface Outcome {
  status: string
  endedAt?: string
}
const isBad = ({ status }: Outcome) => status === 'error' || status === 'fail'
const counts = ({ status }: Outcome) => status === 'success' || status === 'warn' || isBad({ status })

/** `outcomes`: newest first. */
export function streakWords(outcomes: readonly Outcome[], now: Date): string {
  const list = outcomes.filter(counts)
  const [newest] = list
  if (!newest) return ''
  const same = list.findIndex(each => isBad(each) !== isBad(newest))
  const length = same < 0 ? list.length : same
  const atLeast = same < 0 && length > 1 ? ', as far as is known' : ''
  const first = list[length - 1]?.endedAt
  const since = first && length > 1 ? `, for ${formatSpan((now.getTime() - Date.parse(first)) / 1000)}` : ''
  const bad = list.filter(isBad).length
  const share = `${plural(bad, 'failure')} in the last ${plural(list.length, 'run')}`
  if (isBad(newest))
    return `${length === 1 ? 'The newest run failed' : `The last ${length} runs failed${since}`}${atLeast}. ${share}.`
  return `${length === 1 ? 'The newest run was good' : `The last ${length} runs were good${since}`}${atLeast}. ${share}.`
}
