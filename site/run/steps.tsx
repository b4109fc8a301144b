import { formatBytes, formatDuration, plural } from '../../shared/format.ts'

import type { Attempt, RunRecord, StepResult } from '../../shared/run.ts'
import { HREF } from '../route.ts'
import { Counts } from '../runs/table.tsx'
import { Table } from '../table.tsx'
import { Status, Text, Time } from '../words.tsx'

const secondsOf = (from: string | undefined, to: string | undefined, now: Date) =>
  from ? Math.max(0, ((to ? Date.parse(to) : now.getTime()) - Date.parse(from)) / 1000) : undefined

export function Steps({ record, steps, now }: { record: RunRecord; steps: StepResult[]; now: Date }) {
  if (steps.length === 0) return null
  return (
    <section aria-labelledby="steps">
      <h2 id="steps">Steps</h2>
      <Table columns={['Status', 'Step', ['Took', 'number'], ['Nodes', 'minor'], 'Command']}>
        {steps.map(step => (
          <StepRow key={step.index} record={record} step={step} now={now} />
        ))}
      </Table>
    </section>
  )
}

function StepRow({ record, step, now }: { record: RunRecord; step: StepResult; now: Date }) {
  const took = step.status === 'pending' || step.status === 'skipped' ? undefined : secondsOf(step.startedAt, step.endedAt, now)
  return (
    <tr class={`is-${step.status}`}>
      <td>
        <Status status={step.status} reason={step.reason} />
      </td>
      <td>
        {step.startedAt ? (
          <a href={HREF.run(record.id, { view: 'log', at: step.startedAt })}>
            <Text of={step.name} max={60} />
          </a>
        ) : (
          <Text of={step.name} max={60} />
        )}
        {step.attempt !== undefined && step.attempt !== record.attempts.length && (
          <span class="dim"> attempt {step.attempt}</span>
        )}
      </td>
      <td class="number">{took === undefined ? '' : formatDuration(took)}</td>
      <td class="minor">
        <Counts counts={step.counts} />
      </td>
      <td>
        <code>
          <Text of={step.command} max={300} />
        </code>
        {step.message && (
          <div class="dim">
            <Text of={step.message} max={400} />
          </div>
        )}
        {step.comparedWith && (
          <div class="dim">
            compared with the state of run <a href={HREF.run(step.comparedWith)}>{step.comparedWith}</a>
          </div>
        )}
      </td>
    </tr>
  )
}

export function Attempts({ record, now }: { record: RunRecord; now: Date }) {
  if (record.attempts.length === 0) return null
  return (
    <section aria-labelledby="attempts">
      <h2 id="attempts">{plural(record.attempts.length, 'attempt')}</h2>
      <Table columns={[['Attempt', 'number'], 'Outcome', 'Started', ['Took', 'number'], 'Size', ['How its task ended', 'minor']]}>
        {record.attempts.map(attempt => (
          <AttemptRow key={attempt.number} attempt={attempt} now={now} />
        ))}
      </Table>
    </section>
  )
}

function AttemptRow({ attempt, now }: { attempt: Attempt; now: Date }) {
  const { outcome, startedAt, dispatchedAt, stoppedAt, cpu, memory, capacity, larger, stoppedReason, exitCode } = attempt
  const took = secondsOf(startedAt, stoppedAt, now)
  return (
    <tr>
      <td class="number">{attempt.number}</td>
      <td>
        {outcome ? <Status status={outcome.status} reason={outcome.reason} /> : <Status status="running" />}
        {outcome?.message && (
          <div class="dim">
            <Text of={outcome.message} max={200} />
          </div>
        )}
      </td>
      <td>
        <Time at={startedAt ?? dispatchedAt} now={now} />
      </td>
      <td class="number">{took === undefined ? '' : formatDuration(took)}</td>
      <td>
        {cpu / 1024} vCPU, {formatBytes(memory * 1024 * 1024)}
        {capacity === 'FARGATE_SPOT' && ', Spot'}
        {larger && <span class="dim"> more than usual: it ran out of memory before</span>}
      </td>
      <td class="minor">
        <Text of={stoppedReason} max={160} />
        {exitCode !== undefined && <span class="dim"> exit {exitCode}</span>}
      </td>
    </tr>
  )
}
