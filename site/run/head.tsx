/** Head of a run: what happened, where, why, and what to do. */
import { upstreamRuns } from '../../shared/cause.ts'
import { formatDuration, formatMoney, formatSpan, plural, shortSha } from '../../shared/format.ts'
import type { HistoryIndex } from '../../shared/history-index.ts'
import { describeFailure } from '../../shared/message-words.ts'
import type { RunAnswer } from '../../shared/page-api.ts'
import type { Progress } from '../../shared/plan.ts'
import { isFinal, type NodeResult, type RunRecord } from '../../shared/run.ts'
import { useApp, zoneOf } from '../app-context.ts'
import { Fact, Facts } from '../facts.tsx'
import { docsAddress, HREF } from '../route.ts'
import { isSlow, rowOf, tookOf, triggerWords } from '../rows.ts'
import { Link, Mark, Status, Text, Time } from '../words.tsx'
import { Deeds } from './actions.tsx'

interface HeadProps {
  answer: RunAnswer
  index: HistoryIndex | undefined
  progress: Progress | undefined
  now: Date
  reload(): void
  /** Only what run it is: the part below needs the room. */
  brief: boolean
}

export function RunHead({ answer, index, progress, now, reload, brief }: HeadProps) {
  const { config } = useApp()
  const { run: record, next, usd } = answer
  const { project, environment, job, status, reason, message } = record
  const failures = (record.failures ?? []).slice(0, 5)
  return (
    <>
      <h1>
        <a href={HREF.job(project, job)}>
          <Text of={job} max={100} />
        </a>{' '}
        <span class="dim">
          in <Text of={environment} max={60} />
        </span>{' '}
        <Status status={status} reason={reason} />
      </h1>
      {!brief && <FactsOf record={record} usd={usd} index={index} now={now} zone={zoneOf(config, project, job)} />}
      {!isFinal(status) && <Going record={record} progress={progress} now={now} />}
      {(message || failures.length > 0) && status !== 'success' && isFinal(status) && !brief && (
        <section class={`note ${status === 'error' ? 'fault' : ''}`} aria-label="What happened">
          {message && failures.length === 0 && (
            <p class="pre">
              <Text of={message} max={2000} />
            </p>
          )}
          {failures.length > 0 && <Failures record={record} failures={failures} />}
          {next && <p>{next}</p>}
        </section>
      )}
      {record.artifactsIncomplete && !brief && <p class="is-warn">! Not everything that the run made could be stored.</p>}
      {!brief && <Deeds deeds={answer.deeds} reload={reload} />}
    </>
  )
}

interface FactsOfProps {
  record: RunRecord
  usd: number | undefined
  index: HistoryIndex | undefined
  now: Date
  zone: string
}
function FactsOf({ record, usd, index, now, zone }: FactsOfProps) {
  const { docs } = useApp().me
  const row = rowOf(record, index)
  const took = tookOf(row, now)
  const started = record.startedAt ?? record.claimedAt
  return (
    <Facts>
      <Fact name={record.startedAt ? 'Started' : 'Asked for'}>
        <Time at={started} now={now} zone={zone} />{' '}
        <span class="dim">
          (<Time at={started} now={now} zone={zone} relative />)
        </span>
      </Fact>
      {took !== undefined && (
        <Fact name={isFinal(record.status) ? 'Took' : 'Runs for'}>
          {formatDuration(took)}
          {row.usualSeconds !== undefined && (
            <span class={isSlow(row, took) ? 'is-warn' : 'dim'}> (usual {formatDuration(row.usualSeconds)})</span>
          )}
        </Fact>
      )}
      <Fact name="Trigger">
        <Cause record={record} zone={zone} now={now} />
      </Fact>
      {record.commit && (
        <Fact name="Commit">
          <code>{shortSha(record.commit.sha)}</code> <Text of={record.commit.subject} max={90} />{' '}
          <span class="dim">
            <Text of={record.commit.author} max={50} />
          </span>
        </Fact>
      )}
      <Fact name="Cost, estimated">{usd !== undefined && formatMoney(usd)}</Fact>
      {record.attempts.length > 1 && <Fact name="Attempts">{record.attempts.length}</Fact>}
      <Fact name="dbt">{record.dbtVersion}</Fact>
      {(record.docsAttempt !== undefined || record.docsUploaded) && (
        <Fact name="Docs">
          <Link href={docsAddress(docs, record.project, record.environment, record.id)}>dbt’s docs of this run</Link>
        </Fact>
      )}
      <Fact name="Run">
        <code>{record.id}</code>
      </Fact>
      {record.rerunOf && (
        <Fact name="Repeats">
          <a href={HREF.run(record.rerunOf.run)}>{record.rerunOf.run}</a>
          {record.rerunOf.exact && ', exactly'}
        </Fact>
      )}
      {record.cancel && (
        <Fact name="Cancelled">
          by <Text of={record.cancel.actor} max={80} />, <Time at={record.cancel.at} now={now} zone={zone} />
        </Fact>
      )}
    </Facts>
  )
}

function Cause({ record, zone, now }: { record: RunRecord; zone: string; now: Date }) {
  const { cause } = record
  if (cause.kind === 'upstream')
    return (
      <>
        after{' '}
        {upstreamRuns(cause).map((each, i) => (
          <span key={each.run}>
            {i > 0 && ', '}
            <a href={HREF.run(each.run)}>
              <Text of={each.job} max={60} />
            </a>
          </span>
        ))}
      </>
    )
  const row = rowOf(record, undefined)
  return (
    <>
      <Text of={triggerWords(row)} max={80} />
      {cause.kind === 'schedule' && (
        <span class="dim">
          {' '}
          due <Time at={cause.scheduledFor} now={now} zone={zone} />
        </span>
      )}
    </>
  )
}

function Going({ record, progress, now }: { record: RunRecord; progress: Progress | undefined; now: Date }) {
  if (record.status !== 'running' || !progress) {
    const waits = (now.getTime() - Date.parse(record.claimedAt)) / 1000
    return (
      <p role="status">
        {record.status === 'queued'
          ? 'It waits for its turn'
          : record.status === 'starting'
            ? 'Its task is being started'
            : 'It runs'}
        , asked for {formatSpan(waits)} ago.
        {record.lastLaunchError && (
          <>
            {' '}
            The last try: <Text of={record.lastLaunchError} max={300} />
          </>
        )}
      </p>
    )
  }
  const { done, total, running } = progress.nodes
  const step = progress.steps.find(each => each.status === 'running')
  return (
    <div class="going">
      <p>
        <Mark status="running" /> <Text of={step?.command ?? 'between two steps'} max={120} />
        {total > 0 && `: ${done} of ${plural(total, 'node')}`}
      </p>
      {total > 0 && (
        <progress value={done} max={total} aria-label="Nodes done">
          {done} of {total}
        </progress>
      )}
      {running.length > 0 && (
        <p class="dim">
          Now:{' '}
          {running.slice(0, 12).map((name, i) => (
            <span key={name}>
              {i > 0 && ', '}
              <Text of={name.split('.').slice(2).join('.') || name} max={60} />
            </span>
          ))}
          {running.length > 12 && ` and ${running.length - 12} more`}
        </p>
      )}
    </div>
  )
}

function Failures({ record, failures }: { record: RunRecord; failures: NodeResult[] }) {
  const all = Math.max((record.counts?.error ?? 0) + (record.counts?.fail ?? 0), record.failures?.length ?? 0)
  const { project, environment, id } = record
  return (
    <>
      <ul class="failures">
        {failures.map(node => {
          const { name, words, path } = describeFailure(node)
          return (
            <li key={node.uniqueId}>
              <a href={HREF.node(project, environment, node.uniqueId)}>
                <Text of={name} max={100} />
              </a>{' '}
              {path && (
                <span class="dim">
                  <Text of={path} max={120} />
                </span>
              )}
              {node.endedAt && (
                <>
                  {' '}
                  <a href={HREF.run(id, { view: 'log', at: node.endedAt })}>log</a>
                </>
              )}
              <div class="words">
                <Text of={words} max={300} />
              </div>
            </li>
          )
        })}
      </ul>
      {all > failures.length && (
        <p>
          <a href={HREF.run(id, { view: 'nodes', status: 'bad' })}>and {all - failures.length} more</a>
        </p>
      )}
    </>
  )
}
