/** Shows a run while it happens: its stages as progress, each node as it ends, and how it ended. */
import { formatRelative, oneLine, plural } from '../shared/format.ts'
import type { NodeLine, Progress } from '../shared/plan.ts'
import { isFinal, type RunRecord, type StepResult } from '../shared/run.ts'
import type { Connection } from './connection.ts'
import type { Clock, Sink } from './effects.ts'
import { followRun } from './follow.ts'
import type { PartEvent } from './parts.ts'
import { makeStages, type Stages } from './progress.ts'
import { commitText, nodeLine } from './run-text.ts'
import type { Style } from './style.ts'

export interface WatchOptions {
  connection: Connection
  sink: Sink
  clock: Clock
  style: Style
  signal: AbortSignal
  /** Nodes are shown one by one; otherwise only the stages. */
  nodes: boolean
  /** Attempts before this one are left out: they were shown when they happened. */
  from: number
}

/** The final record; undefined when the signal came first (the run goes on). */
export async function watchRun(id: string, options: WatchOptions): Promise<RunRecord | undefined> {
  const stages = makeStages(options.sink, options.clock, options.style)
  const view = makeView(stages, options)
  const { connection, clock, signal, from } = options
  try {
    for await (const event of followRun(connection, id, clock, signal, { once: false, from })) {
      if (event.type === 'parts') view.parts(event.attempt, event.events)
      else if (isFinal(event.record.status)) {
        view.finish(event.record)
        return event.record
      } else view.record(event.record)
    }
    return undefined
  } finally {
    stages.stop()
  }
}

function makeView(stages: Stages, { sink, style, clock, nodes }: WatchOptions) {
  let opened = ''
  const ended = new Set<string>()
  const open = (name: string, note: string) => {
    if (opened === name) stages.note(note)
    else stages.start(name, note)
    opened = name
  }
  const close: Stages['end'] = (status, detail, seconds) => {
    stages.end(status, detail, seconds)
    opened = ''
  }
  const showNodes = (lines: NodeLine[]) => {
    for (const line of nodes ? lines : []) stages.line(nodeLine(line, style, sink.columns))
  }
  /** Steps in order, the nodes of each between its begin and its end. */
  const showSteps = (attempt: number, steps: StepResult[], lines: NodeLine[]) => {
    for (const step of steps) {
      const key = `${attempt}/${step.index}`
      const mine = lines.filter(line => line.step === step.index)
      // Taken over from an attempt before, in which it was shown.
      if (step.attempt !== undefined && step.attempt !== attempt) ended.add(key)
      if (step.status === 'pending' || ended.has(key)) {
        showNodes(mine)
        continue
      }
      open(step.name, step.command)
      showNodes(mine)
      if (step.status === 'running') continue
      ended.add(key)
      close(step.status, endOfStep(step), secondsOfStep(step))
    }
    showNodes(lines.filter(line => !steps.some(step => step.index === line.step)))
  }
  return {
    record(record: RunRecord) {
      const attempt = record.attempts.length > 1 ? ` (attempt ${record.attempts.length})` : ''
      if (record.cancel) stages.line(`Cancelling: asked by ${oneLine(record.cancel.actor, 120)}.`)
      if (record.status === 'queued') open('queued', waitText(record, clock.now()))
      else if (record.status === 'starting') open('start', `waiting for the task${attempt}`)
      else if (opened === 'queued' || opened === 'start') close('success', `task runs${attempt}`)
    },
    parts(attempt: number, events: PartEvent[]) {
      for (const { progress, lines, gaps } of groupByPart(events)) {
        for (const gap of gaps) stages.line(style.dim(`  (${gap})`))
        showSteps(attempt, progress?.steps ?? [], lines)
        if (progress && progress.nodes.total > 0 && opened) stages.note(noteOf(progress))
      }
    },
    finish(record: RunRecord) {
      showSteps(record.attempts.length, record.steps ?? [], [])
      stages.stop()
      if (record.commit) stages.line(style.dim(`  commit ${commitText(record)}`))
    },
  }
}

function groupByPart(events: PartEvent[]): { progress: Progress | undefined; lines: NodeLine[]; gaps: string[] }[] {
  const groups: { progress: Progress | undefined; lines: NodeLine[]; gaps: string[] }[] = []
  for (const event of events) {
    if (event.type === 'progress' || groups.length === 0) groups.push({ progress: undefined, lines: [], gaps: [] })
    const group = groups.at(-1)
    if (event.type === 'progress' && group) group.progress = event
    else if (event.type === 'node') group?.lines.push(event)
    else if (event.type === 'gap') group?.gaps.push(event.text)
  }
  return groups
}

/** By the runner's own clock: a step may begin and end between two looks. */
function secondsOfStep(step: StepResult): number | undefined {
  if (step.startedAt === undefined || step.endedAt === undefined) return undefined
  return (Date.parse(step.endedAt) - Date.parse(step.startedAt)) / 1000
}

/** `dbt build  14 of 21  ▸ fct_orders`. */
function noteOf(progress: Progress): string {
  const step = progress.steps.find(candidate => candidate.status === 'running')
  const running = progress.nodes.running.slice(0, 3).join(', ')
  return `${step?.command ?? ''}  ${progress.nodes.done} of ${progress.nodes.total}${running ? `  ▸ ${running}` : ''}`
}

function endOfStep(step: StepResult): string {
  if (step.message && step.status !== 'success') return step.message
  const built = step.counts ? Object.values(step.counts).reduce((sum, count) => sum + count, 0) : 0
  return `${step.command}${built > 0 ? `  ${plural(built, 'node')}` : ''}`
}

function waitText(record: RunRecord, now: Date): string {
  if (record.notBefore && Date.parse(record.notBefore) > now.getTime())
    return `next try ${formatRelative(new Date(record.notBefore), now)}${record.lastLaunchError ? `: ${record.lastLaunchError}` : ''}`
  return record.lastLaunchError ?? 'waiting for its turn'
}
