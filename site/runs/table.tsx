/** The table of runs, here and on the pages of jobs and days. */

import { claimedAt } from '../../shared/contract.ts'
import { formatDuration, plural } from '../../shared/format.ts'
import { isFinal, type NodeCounts } from '../../shared/run.ts'
import { useApp, zoneOf } from '../app-context.ts'
import { HREF } from '../route.ts'
import { isSlow, type Row, tookOf, triggerWords } from '../rows.ts'
import { Table } from '../table.tsx'
import { Mark, Status, Text, Time, wordsOf } from '../words.tsx'

export function RunTable({ rows, now, label, ofJob }: { rows: Row[]; now: Date; label: string; ofJob?: boolean }) {
  return (
    <Table
      class="runs"
      caption={label}
      columns={[
        'Status',
        !ofJob && 'Job',
        'Started',
        ['Took / usual', 'number'],
        ['Nodes', 'minor'],
        ['Trigger', 'minor'],
        ['Commit', 'minor'],
        ['USD', 'number minor'],
      ]}
    >
      {rows.map(row => (
        <RunRow key={row.id} row={row} now={now} ofJob={ofJob === true} />
      ))}
    </Table>
  )
}

function RunRow({ row, now, ofJob }: { row: Row; now: Date; ofJob: boolean }) {
  const { config } = useApp()
  const zone = zoneOf(config, row.project, row.job)
  const started = row.startedAt ?? claimedAt(row.id)
  return (
    <tr class={`row is-${row.status}`}>
      <td class="what">
        <a href={HREF.run(row.id)} aria-label={`Run ${row.id}: ${wordsOf(row.status, row.reason)}`}>
          <Status status={row.status} reason={row.reason} />
        </a>
        {row.attempts > 1 && <span class="dim"> {plural(row.attempts, 'attempt')}</span>}
        {row.message && row.status !== 'success' && (
          <div class="dim line">
            <Text of={row.message} />
          </div>
        )}
      </td>
      {!ofJob && (
        <td class="job">
          <a href={HREF.job(row.project, row.job)}>
            <Text of={row.job} max={60} />
          </a>
          <span class="dim">
            {' '}
            <Text of={row.environment} max={40} />
          </span>
        </td>
      )}
      <td>
        <Time at={started} now={now} zone={zone} />
        {!row.startedAt && <span class="dim"> {isFinal(row.status) ? '(not started)' : '(asked for)'}</span>}
      </td>
      <td class="number">
        <Duration row={row} now={now} />
      </td>
      <td class="minor">
        <Counts counts={row.counts} />
      </td>
      <td class="minor trigger">
        <Text of={triggerWords(row)} max={40} />
      </td>
      <td class="minor">
        <code>
          <Text of={row.commit?.slice(0, 7)} />
        </code>
      </td>
      <td class="number minor">{costWords(row.usd)}</td>
    </tr>
  )
}

/** How long, against what is usual. */
function Duration({ row, now }: { row: Row; now: Date }) {
  const took = tookOf(row, now)
  if (took === undefined) return null
  const usual = row.usualSeconds
  const slow = isSlow(row, took)
  return (
    <>
      {slow && <strong class="is-warn">{(took / (usual ?? took)).toFixed(1)} × </strong>}
      {formatDuration(took)}
      {usual !== undefined && <span class="dim usual"> / {formatDuration(usual)}</span>}
    </>
  )
}

/** For a column: the currency is in its head. */
const costWords = (usd: number | undefined) =>
  usd === undefined ? '' : usd > 0 && usd < 0.001 ? '< 0.001' : usd.toFixed(usd < 1 ? 3 : 2)

const COUNTED = [
  ['success', 'good'],
  ['warn', 'warned'],
  ['bad', 'failed'],
  ['skipped', 'skipped'],
] as const

export function Counts({ counts }: { counts: Partial<NodeCounts> | undefined }) {
  if (!counts) return null
  const of = {
    success: (counts.success ?? 0) + (counts['no-op'] ?? 0),
    warn: counts.warn ?? 0,
    bad: (counts.error ?? 0) + (counts.fail ?? 0),
    skipped: counts.skipped ?? 0,
  }
  return (
    <span class="counts">
      {COUNTED.filter(([name]) => of[name] > 0).map(([name, word]) => (
        <span key={name} title={`${of[name]} ${word}`}>
          <Mark status={name === 'bad' ? 'error' : name} />
          {of[name]}
          <span class="hidden"> {word}</span>
        </span>
      ))}
    </span>
  )
}
