/** Freshness of sources: now, and over the days before. */
import { useState } from 'preact/hooks'
import { formatDuration, plural } from '../../shared/format.ts'
import { SOURCE_DAYS, type Source } from '../../shared/page-api.ts'
import { HREF } from '../route.ts'
import { readSources } from '../server.ts'
import { Table } from '../table.tsx'
import { Trend } from '../trend.tsx'
import { useLoad, useNow } from '../use.ts'
import { Empty, FaultNote, Loading, Status, Text, Time } from '../words.tsx'
import { Outcomes } from './jobs.tsx'

export function SourcesPage() {
  const now = useNow(30_000)
  const { value, fault, reload } = useLoad(readSources, ['sources'])
  const sources = value?.sources
  return (
    <>
      <h1>Sources</h1>
      <p class="dim">
        As the checks of the last {SOURCE_DAYS} days found them. A job checks with <code>freshness: true</code>.
      </p>
      {fault && <FaultNote fault={fault} retry={reload} />}
      {!sources && !fault && <Loading what="the checks" />}
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
            ['Newest data', 'told'],
            ['Age when checked', 'number told'],
            ['Warns, fails after', 'minor'],
            ['Checked', 'told'],
            ['Checks, newest right', 'minor'],
          ]}
        >
          {sources.map(source => (
            <SourceRow key={`${source.environment} ${source.uniqueId}`} source={source} now={now} />
          ))}
        </Table>
      )}
      {value?.leftOut && <p class="dim">Checks up to {value.leftOut} are not all here: there are too many for one page.</p>}
    </>
  )
}

function SourceRow({ source, now }: { source: Source; now: Date }) {
  const [open, setOpen] = useState(false)
  const { name, environment, message, warnAfter, errorAfter, checks } = source
  const [check] = checks
  if (!check) return null
  const limits = [warnAfter, errorAfter].map(seconds => (seconds === undefined ? '–' : formatDuration(seconds)))
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
          {message && (
            <div class="dim">
              <Text of={message} max={200} />
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
              label={`Age of the newest data in the last ${plural(checks.length, 'check')}`}
              line={warnAfter}
              means="warns after"
              bars={checks.toReversed().map(each => ({
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
