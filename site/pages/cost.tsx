/** What runs cost: by month, by job, the dearest runs, and what the rest of the month will come to. */
import { formatCount, formatDuration, formatMoney } from '../../shared/format.ts'
import type { IndexRun } from '../../shared/history-index.ts'
import type { MonthCost } from '../../shared/page-api.ts'
import { useIndex } from '../app-context.ts'
import { HREF, hrefOf } from '../route.ts'
import { readMonth } from '../server.ts'
import { Table } from '../table.tsx'
import { useLoad, useNow } from '../use.ts'
import { Empty, FaultNote, Loading, Status, Text, Time } from '../words.tsx'

export function CostPage({ query }: { query: URLSearchParams }) {
  const now = useNow(60_000)
  const loadedIndex = useIndex()
  const index = loadedIndex.value?.index
  const months = byMonth(index?.days ?? [])
  const wanted = query.get('month') ?? ''
  const month = /^\d{4}-\d\d$/.test(wanted) ? wanted : now.toISOString().slice(0, 7)
  return (
    <>
      <h1>Cost</h1>
      <p class="dim">
        Estimates by list prices of us-east-1 without any free tier; Spot costs less than this says. What is stored, secrets and
        the warehouse come on top.
      </p>
      {loadedIndex.fault && <FaultNote fault={loadedIndex.fault} stale={index !== undefined} retry={loadedIndex.reload} />}
      {!loadedIndex.value && !loadedIndex.fault && <Loading what="the months" />}
      {loadedIndex.value && !index && <Empty title="No run has ended yet." />}
      {index && <Month month={month} at={index.at} now={now} />}
      {months.length > 0 && (
        <section aria-labelledby="months">
          <h2 id="months">Months</h2>
          <div class="narrow">
            <Table columns={['Month (UTC)', ['Runs', 'number told'], ['Containers', 'number told']]}>
              {months.map(each => (
                <tr key={each.month}>
                  <td>
                    <a href={hrefOf(['cost'], { month: each.month })} aria-current={each.month === month ? 'true' : undefined}>
                      {each.month}
                    </a>
                  </td>
                  <td class="number">{formatCount(each.runs)}</td>
                  <td class="number">{formatMoney(each.usd)}</td>
                </tr>
              ))}
            </Table>
          </div>
        </section>
      )}
    </>
  )
}

function Month({ month, at, now }: { month: string; at: string; now: Date }) {
  const { value: cost, fault, reload } = useLoad(signal => readMonth(month, signal), ['cost', month, at])
  if (fault) return <FaultNote fault={fault} retry={reload} />
  if (!cost) return <Loading what="the month" />
  return (
    <>
      <section aria-labelledby="month">
        <h2 id="month">{month}</h2>
        <p>
          <strong>{formatMoney(cost.soFar)}</strong> {cost.rest > 0 ? 'so far' : 'in all'}, of it {formatMoney(cost.idle)} for
          what stands there while nothing runs.
          {cost.rest > 0 && (
            <>
              {' '}
              The rest of the month will come to about {formatMoney(cost.rest)}:{' '}
              <strong>{formatMoney(cost.soFar + cost.rest)}</strong> in all.
            </>
          )}
        </p>
        <Jobs cost={cost} />
      </section>
      {cost.dearest.length > 0 && (
        <section aria-labelledby="dearest">
          <h2 id="dearest">Dearest runs</h2>
          <Dearest runs={cost.dearest} now={now} />
        </section>
      )}
    </>
  )
}

function Jobs({ cost }: { cost: MonthCost }) {
  return (
    <Table
      caption="Cost by job"
      columns={[
        'Job',
        ['Runs', 'number told'],
        ['Containers', 'number told'],
        ['Machinery', 'number minor'],
        ['A run', 'number minor'],
        ['Rest of the month', 'number told'],
      ]}
    >
      {cost.jobs.map(each => {
        const [project = '', job = ''] = each.job.split('/')
        return (
          <tr key={each.job}>
            <td>
              <a href={HREF.job(project, job)}>
                <Text of={each.job} max={100} />
              </a>
            </td>
            <td class="number">{formatCount(each.runs)}</td>
            <td class="number">{formatMoney(each.tasks)}</td>
            <td class="number minor">{formatMoney(each.machinery)}</td>
            <td class="number minor">{each.runs ? formatMoney((each.tasks + each.machinery) / each.runs) : ''}</td>
            <td class="number">{each.rest ? formatMoney(each.rest) : ''}</td>
          </tr>
        )
      })}
    </Table>
  )
}

function Dearest({ runs, now }: { runs: IndexRun[]; now: Date }) {
  return (
    <Table columns={['Run', 'Job', 'Started', ['Took', 'number'], ['Container', 'number']]}>
      {runs.map(run => (
        <tr key={run.id}>
          <td>
            <a href={HREF.run(run.id)} aria-label={`Run ${run.id}: ${run.status}`}>
              <Status status={run.status} />
            </a>
          </td>
          <td>
            <Text of={run.job} max={60} />
          </td>
          <td>
            <Time at={run.startedAt ?? run.endedAt} now={now} />
          </td>
          <td class="number">{run.seconds === undefined ? '' : formatDuration(run.seconds)}</td>
          <td class="number">{formatMoney(run.usd ?? 0)}</td>
        </tr>
      ))}
    </Table>
  )
}

/** USD of the containers by month, newest first. */
function byMonth(days: readonly { date: string; usd: number; runs: number }[]): { month: string; usd: number; runs: number }[] {
  const months = new Map<string, { month: string; usd: number; runs: number }>()
  for (const { date, usd, runs } of days) {
    const month = months.get(date.slice(0, 7)) ?? { month: date.slice(0, 7), usd: 0, runs: 0 }
    months.set(month.month, { ...month, usd: month.usd + usd, runs: month.runs + runs })
  }
  return [...months.values()].sort((a, b) => (a.month < b.month ? 1 : -1))
}
