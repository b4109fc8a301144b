import { UserError } from '../shared/errors.ts'
import { stripControls } from '../shared/format.ts'
import { EXIT, exitCodeOf } from '../shared/reasons.ts'
import { isFinal, type RunRecord, type StepResult } from '../shared/run.ts'
import { meant } from '../shared/suggest.ts'
import { type Command, type Context, flagOption, type Input, type Outcome, textOption } from './command.ts'
import { followRun } from './follow.ts'
import { connect } from './installation.ts'
import type { PartEvent } from './parts.ts'
import { endLines } from './run-text.ts'
import { resolveRun } from './runs-query.ts'

export const logsCommand: Command = {
  usage: 'logs <run>',
  summary: 'the log of a run, all attempts in order',
  options: [
    { flags: '--follow', text: 'go on until the run has ended; the exit code says how' },
    { flags: '--step <name>', text: 'only of this step, by name or number' },
  ],
  examples: ['tidemill logs last --follow', 'tidemill logs nightly --step build'],
  run: showLogs,
}

/** One line of the log as `--json` gives it. */
interface ShownLine {
  attempt: number
  step: string
  at?: string
  text: string
}

async function showLogs(context: Context, input: Input): Promise<Outcome> {
  const { effects, globals, style } = context
  const connection = await connect(context)
  const found = await resolveRun(connection, input.words.run ?? '', effects.clock.now())
  const follow = flagOption(input, 'follow')
  const shown: ShownLine[] = []
  const log = makeLog(textOption(input, 'step'), line => {
    if (globals.json) shown.push(line)
    else context.say(line.text)
  })
  let record: RunRecord = found
  for await (const event of followRun(connection, found.id, effects.clock, effects.interrupt, { once: !follow })) {
    if (event.type === 'parts') log.show(event.attempt, event.events)
    else record = event.record
  }
  log.check(record)
  const document = { run: record.id, status: record.status, lines: shown }
  if (!follow) return { document, lines: emptyNote(record, log.count(), textOption(input, 'step')) }
  if (!isFinal(record.status))
    return { document, lines: [`The run goes on. Cancel it:  tidemill cancel ${record.id}`], exitCode: EXIT.interrupted }
  return { document, lines: endLines(record, style, effects.clock.now()), exitCode: exitCodeOf(record.status, record.reason) }
}

function makeLog(wanted: string | undefined, put: (line: ShownLine) => void) {
  const steps = new Map<number, StepResult>()
  let count = 0
  let lastAttempt = 1
  const nameOf = (index: number) => steps.get(index)?.name ?? String(index)
  const isWanted = (index: number) => wanted === undefined || wanted === nameOf(index) || wanted === String(index)
  return {
    count: () => count,
    show(attempt: number, events: PartEvent[]) {
      for (const event of events) {
        if (event.type === 'progress') for (const step of event.steps) steps.set(step.index, step)
        if (event.type === 'gap') put({ attempt, step: '', text: `(${event.text})` })
        if (event.type !== 'log' || !isWanted(event.step)) continue
        if (attempt !== lastAttempt) put({ attempt, step: '', text: `(attempt ${attempt})` })
        lastAttempt = attempt
        count += 1
        put({ attempt, step: nameOf(event.step), at: event.at, text: stripControls(event.text) })
      }
    },
    /** A step that the run does not have is a mistake, not an empty log. */
    check(record: RunRecord) {
      const known = new Map([...steps, ...(record.steps ?? []).map(step => [step.index, step] as const)])
      if (wanted === undefined || count > 0 || known.size === 0) return
      const names = [...known.values()].map(step => step.name)
      if (!names.includes(wanted) && !known.has(Number(wanted)))
        throw new UserError(`Run ${record.id} has no step "${wanted}"${meant(wanted, names)}`)
    },
  }
}

function emptyNote(record: RunRecord, count: number, step: string | undefined): string[] {
  if (count > 0) return []
  if (record.attempts.length === 0)
    return [`Run ${record.id} is ${record.status} and has no log: no task was started. See:  tidemill show ${record.id}`]
  const of = step === undefined ? `Run ${record.id}` : `Step ${step} of run ${record.id}`
  if (!isFinal(record.status))
    return [`${of} has written nothing to its log yet; follow it:  tidemill logs ${record.id} --follow`]
  return [`${of} has no log${step === undefined ? '' : ': it did not run'}. See:  tidemill show ${record.id}`]
}
