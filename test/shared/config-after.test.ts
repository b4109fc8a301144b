import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namesOf, upstreamsOf } from '../../shared/config-after.ts'
import { good, problem, problems, yaml } from './config-helper.ts'

const jobs = (report: string, more = '') =>
  yaml({
    jobs: `  orders: { environment: prod, steps: [dbt build]${more} }
  customers: { environment: prod, steps: [dbt build] }
  report: { environment: prod, steps: [dbt build], after: ${report} }`,
  })
const afterOf = (report: string) => {
  const job = good(jobs(report)).config.jobs['shop/report']
  return job && upstreamsOf(job)
}

test('after one job, after several, and a list of one, which is that one', () => {
  const plain = { status: ['success', 'warn'], partial: false, withinSeconds: null }
  assert.deepEqual(afterOf('{ job: orders }'), { jobs: ['shop/orders'], ...plain })
  assert.deepEqual(afterOf('{ jobs: [shop/orders] }'), { jobs: ['shop/orders'], ...plain })
  assert.deepEqual(afterOf('{ jobs: [orders, shop/orders] }'), { jobs: ['shop/orders'], ...plain })
  assert.deepEqual(afterOf('{ jobs: [orders, customers], status: [success], within: 12h, partial: true }'), {
    jobs: ['shop/orders', 'shop/customers'],
    status: ['success'],
    partial: true,
    withinSeconds: 43_200,
  })
})

test('a configuration of the version before says the same with what it has', () => {
  const before = { after: { job: 'shop/a', status: ['success' as const] } }
  assert.deepEqual(upstreamsOf(before), { jobs: ['shop/a'], status: ['success'], partial: false, withinSeconds: null })
  assert.equal(upstreamsOf({ after: null }), undefined)
})

test('`after` says one job or several, that exist', () => {
  assert.match(problem(jobs('{ job: orders, jobs: [customers] }')), /after has both `job` and `jobs`; keep one/)
  assert.match(problem(jobs('{ status: [success] }')), /after needs `job` or `jobs`/)
  assert.match(problem(jobs('{ job: orders, within: 12h }')), /only `jobs` uses/)
  assert.match(problem(jobs('{ jobs: [] }')), /jobs.report.after.jobs is an empty list/)
  assert.equal(
    problem(jobs('{ jobs: [orders, custmers] }')),
    'jobs.report.after.jobs[1] "custmers" is not a job of this project; did you mean "customers"? (orders, customers, report)',
  )
})

test('a circle through a list is found, once, and named', () => {
  const found = problems(jobs('{ jobs: [customers, orders] }', ', after: { job: report }'))
  assert.equal(found.length, 1, found.join('\n'))
  assert.match(
    found[0] ?? '',
    /jobs\.orders\.after\.job runs in a circle, so none would ever start: shop\/orders after shop\/report after shop\/orders/,
  )
  assert.match(problem(jobs('{ jobs: [customers, report] }')), /after\.jobs\[1\] .*shop\/report after shop\/report/)
})

test('names of several jobs fit a line', () => {
  assert.deepEqual([['a'], ['a', 'b'], ['a', 'b', 'c', 'd']].map(namesOf), ['a', 'a and b', 'a, b and 2 more'])
})
