/** Freshness of sources: now, and over the days before. */
import { useState } from 'preact/hooks'
import { formatDuration, plural } from '../../shared/format.ts'
import { useIndex } from '../app-context.ts'
import { daysAgo } from '../parquet.ts'
import { HREF } from '../route.ts'
import { Table } from '../table.tsx'
import { Trend } from '../trend.tsx'
import { useNow } from '../use.ts'
import { useRows } from '../use-rows.ts'
import { Empty, FaultNote, Loading, Status, Text, Time } from '../words.tsx'
import { Outcomes } from './jobs.tsx'
import { SOURCE_COLUMNS, type Source, sourcesOf } from './source-rows.ts'

const DAYS = 14

export function SourcesPage() {
  const now = useNow(30_000)
  const loadedIndex = useIndex()
  const index = loadedIndex.value?.index
  const loaded = useRows(
    index && { index, table: 'sources', since: daysAgo(DAYS), wants: () => true, columns: SOURCE_COLUMNS },
    [],
  )
  const sources = loaded.value && sourcesOf(loaded.value)
  const fault = loaded.fault ?? loadedIndex.fault
  return (
    <>
      <h1>Sources</h1>
      <p class="dim">
        As the checks of the last {DAYS} days found them. A job checks with <code>freshness: true</code>.
      </p>
      {fault && <FaultNote fault={fault} retry={loaded.reload} />}
      {!sources &&
        !fault &&
        (loadedIndex.value && !index ? (
          <Empty title="No run has ended yet." />
        ) : (
          <Loading what={`the checks ${loaded.progress}`} />
        ))}
      {sources && sources.length === 0 && (
        <Empty title="No run has checked the freshness of a source.">
          <p>
            Set <code>freshness: true</code> for a job, and <code>loaded_at_field</code> and <code>freshness</code> for the
            sources in dbt.
          </p>
        </Empty>
      )}
      {sources && sources.length > 0 && (
        <Table
          caption="Sources"
          columns={[
            'Status',
            'Source',
            'Newest data',
            ['Age when checked', 'number'],
            ['Warns, fails after', 'minor'],
            'Checked',
            ['Checks, newest right', 'minor'],
          ]}
        >
          {sources.map(source => (
            <SourceRow key={`${source.environment} ${source.uniqueId}`} source={source} now={now} />
          ))}
        </Table>
      )}
    </>
  )
}

function SourceRow({ source, now }: { source: Source; now: Date }) {
  const [open, setOpen] = useState(false)
  const { name, environment, checks } = source
  const [check] = checks
  if (!check) return null
  const limits = [check.warnAfter, check.errorAfter].map(seconds => (seconds === undefined ? '–' : formatDuration(seconds)))
  return (
    <>
      <tr class={`is-${check.status}`}>
        <td>
          <Status status={check.status} />
        </td>
        <td class="name">
          <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
            <span aria-hidden="true">{open ? '▾' : '▸'}</span> <Text of={name} max={100} />
          </button>{' '}
          <span class="dim">
            <Text of={environment} max={80} />
          </span>
          {check.message && (
            <div class="dim">
              <Text of={check.message} max={200} />
            </div>
          )}
        </td>
        <td>{check.loadedAt ? <Time at={check.loadedAt} now={now} /> : ''}</td>
        <td class="number">{check.age === undefined ? '' : formatDuration(check.age)}</td>
        <td class="minor">{limits.join(', ')}</td>
        <td>
          <a href={HREF.run(check.run)}>{check.at ? <Time at={check.at} now={now} relative /> : check.run}</a>
        </td>
        <td class="minor">
          <Outcomes outcomes={checks.slice(0, 30).map(each => each.status)} />
        </td>
      </tr>
      {open && (
        <tr class="more">
          <td colSpan={7}>
            <Trend
              label={`Age of the newest data in the last ${plural(Math.min(checks.length, 80), 'check')}`}
              line={check.warnAfter}
              bars={checks
                .slice(0, 80)
                .reverse()
                .map(each => ({
                  key: each.run,
                  value: each.age ?? 0,
                  status: each.status,
                  label: `${each.at}: ${each.status}, ${formatDuration(each.age ?? 0)}`,
                }))}
            />
          </td>
        </tr>
      )}
    </>
  )
}
