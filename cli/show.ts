import { PK } from '../shared/contract.ts'
import { formatBytes, formatDateTime, formatDuration, oneLine, plural } from '../shared/format.ts'
import { parseRecord } from '../shared/parse-record.ts'
import { offersRetry } from '../shared/reasons.ts'
import { type Attempt, isFinal, type RunRecord } from '../shared/run.ts'
import { resumeOf } from '../shared/run-settings.ts'
import type { Command, Context } from './command.ts'
import { connect } from './installation.ts'
import { adviseForRun } from './memory-advice.ts'
import { browserOf, causeText, commitText, countsText, endLines, NAMED_FAILURES, nodeLine } from './run-text.ts'
import { resolveRun } from './runs-query.ts'
import { markOf, paintStatus } from './style.ts'
import { formatTable } from './table.ts'

export const showCommand: Command = {
  usage: 'show <run>',
  summary: 'all about one run: cause, commit, steps, failures, attempts',
  options: [],
  examples: ['tidemill show last', 'tidemill show nightly'],
  async run(context, input) {
    const connection = await connect(context)
    const now = context.effects.clock.now()
    const record = await resolveRun(connection, input.words.run ?? '', now)
    const repeated = record.rerunOf && parseRecord(await connection.table.get(PK.run(record.rerunOf.run)))
    const advice = await adviseForRun(connection.table, connection.config, record, now)
    const browser = browserOf(await connection.config(), record.id)
    return {
      document: { run: record, ...(advice && { advice }) },
      lines: showRun(context, record, { repeated, advice, browser }),
    }
  },
}

/** What stands beside the record. */
interface Beside {
  /** The run that this one repeats. */
  repeated: RunRecord | undefined
  /** On the size of its tasks. */
  advice: string
  /** What opens its page. */
  browser: string
}

function showRun(context: Context, record: RunRecord, beside: Beside): string[] {
  const { effects, style } = context
  const blocks = [
    endLines(record, style, effects.clock.now()),
    factLines(context, record, beside),
    stepLines(context, record),
    (record.failures ?? []).length > NAMED_FAILURES
      ? ['Failures', ...(record.failures ?? []).map(node => nodeLine(node, style, context.effects.stdout.columns))]
      : [],
    attemptLines(record),
    nextLines(record, beside.browser),
  ]
  return blocks.filter(lines => lines.length > 0).flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]))
}

function factLines({ effects }: Context, record: RunRecord, { repeated, advice }: Beside): string[] {
  const time = (at: string) => formatDateTime(new Date(at), effects.zone)
  const overrides = record.overrides && Object.keys(record.overrides).length > 0 ? JSON.stringify(record.overrides) : ''
  const facts: [string, string][] = [
    ['Environment', record.environment],
    ['Cause', causeText(record.cause)],
    ['Repeats', record.rerunOf ? `run ${record.rerunOf.run}${record.rerunOf.exact ? ', exactly' : ''}` : ''],
    ['Image', imageText(record, repeated)],
    ['Changed', overrides],
    ['Commit', commitText(record)],
    ['dbt', record.dbtVersion ?? ''],
    ['Claimed', time(record.claimedAt)],
    ['Last start', record.startedAt ? '' : (record.lastLaunchError ?? '')],
    ['Started', record.startedAt ? time(record.startedAt) : ''],
    ['Ended', record.endedAt ? time(record.endedAt) : ''],
    ['Gone on with', (record.retries ?? []).map(retry => `by ${retry.actor}, ${time(retry.at)}`).join('; ')],
    ['Cancelled', record.cancel ? `by ${record.cancel.actor}, ${time(record.cancel.at)}` : ''],
    ['Peak memory', memoryText(record)],
    ['Advice', advice],
    ['State', stateText(record)],
    ['Artifacts', record.artifactsIncomplete ? 'incomplete: not everything could be stored' : ''],
  ]
  return facts.filter(([, value]) => value !== '').map(([name, value]) => `${name.padEnd(12)} ${oneLine(value, 400)}`)
}

/** Of the attempt that the peak is of. */
function memoryText({ peakMemoryBytes, attempts }: RunRecord): string {
  const memory = attempts.at(-1)?.memory
  if (!peakMemoryBytes) return ''
  return `${formatBytes(peakMemoryBytes)}${memory === undefined ? '' : ` of ${formatBytes(memory * 1024 ** 2)}`}`
}

/** What `state:modified` and `--defer` went by. A run that went on after somebody else published has two. */
function stateText({ steps = [] }: RunRecord): string {
  const runs = [...new Set(steps.flatMap(step => step.comparedWith ?? []))]
  const ofRun = (run: string) =>
    runs.length === 1
      ? run
      : `${run} (${steps.flatMap(step => (step.comparedWith === run ? oneLine(step.name, 40) : [])).join(', ')})`
  return runs.length ? `compared with run ${runs.map(ofRun).join(' and ')}` : ''
}

/** What an exact rerun is compared by; of other runs the image is of no interest. */
function imageText(record: RunRecord, repeated: RunRecord | undefined): string {
  const digestOf = (run: RunRecord | undefined) => run?.attempts.findLast(attempt => attempt.imageDigest)?.imageDigest
  const [own, before] = [digestOf(record), digestOf(repeated)]
  if (!record.rerunOf?.exact || !own) return ''
  if (!before) return `${own}; that of run ${record.rerunOf.run} is not known`
  return own === before ? `${own}, the same` : `${own}, another than that of run ${record.rerunOf.run}: ${before}`
}

function stepLines(context: Context, record: RunRecord): string[] {
  const rows = (record.steps ?? []).map(step => {
    const paint = (text: string) => paintStatus(context.style, step.status, text)
    const took =
      step.startedAt && step.endedAt ? formatDuration((Date.parse(step.endedAt) - Date.parse(step.startedAt)) / 1000) : ''
    return [
      { text: markOf(step.status), paint },
      { text: oneLine(step.name, 40), paint },
      { text: took },
      { text: countsText(step.counts) },
      { text: oneLine(step.command, 200) },
    ]
  })
  if (rows.length === 0) return []
  return formatTable(
    [{ title: '' }, { title: 'STEP' }, { title: 'TOOK', align: 'right' }, { title: 'NODES' }, { title: 'COMMAND', shrinkTo: 20 }],
    rows,
    context.effects.stdout.columns,
  )
}

function attemptLines(record: RunRecord): string[] {
  const plain = record.attempts[0]?.stopCode === undefined && record.attempts[0]?.larger === undefined
  if (record.attempts.length < 2 && plain) return []
  return [
    plural(record.attempts.length, 'attempt'),
    ...record.attempts.map(attempt => {
      // A container that has ended by itself is how every run ends.
      const usual = attempt.stopCode === 'EssentialContainerExited'
      const how = [
        attempt.outcome ? `${attempt.outcome.status}${attempt.outcome.reason ? ` (${attempt.outcome.reason})` : ''}` : 'open',
        attempt.outcome?.transient ? `a fault that passes: ${oneLine(attempt.outcome.transient, 100)}` : '',
        attempt.architecture ?? '',
        `${attempt.cpu / 1024} vCPU, ${formatBytes(attempt.memory * 1024 * 1024)}${largerText(attempt)}`,
        attempt.resume?.left ? `${plural(attempt.resume.left, 'node')} left` : '',
        attempt.exitCode === undefined ? '' : `exit code ${attempt.exitCode}`,
        usual ? '' : (attempt.stopCode ?? ''),
        usual ? '' : oneLine(attempt.stoppedReason ?? '', 200),
      ]
      return `  ${attempt.number}  ${how.filter(part => part !== '').join(', ')}`
    }),
  ]
}

/** Where a size that is not the environment's comes from. */
function largerText({ larger }: Attempt): string {
  if (larger === 'stepped') return ' (the attempt before ran out of memory)'
  return larger === 'remembered' ? ' (an earlier run needed as much)' : ''
}

const leftText = (record: RunRecord) => {
  const left = resumeOf(record)?.left
  return left ? `   (${plural(left, 'node')} left)` : ''
}

function nextLines(record: RunRecord, browser: string): string[] {
  if (!isFinal(record.status))
    return [`Follow it:  tidemill logs ${record.id} --follow`, `Cancel it:  tidemill cancel ${record.id}`]
  if (record.attempts.length === 0) return []
  return [
    ...(record.reason && offersRetry(record.reason) ? [`Go on:      tidemill retry ${record.id}${leftText(record)}`] : []),
    `Log:        tidemill logs ${record.id}`,
    `Browser:    ${browser}`,
    `Artifacts:  tidemill artifacts ${record.id} --download DIR`,
    ...(record.docsUploaded && record.status !== 'error' ? ['Docs:       tidemill docs'] : []),
  ]
}
