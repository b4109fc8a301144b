/** What was to run by schedule, and what is paused: the parts of the pages that need no browser. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IndexRun } from '../../shared/history-index.ts'
import { firingsBetween } from '../../shared/job-firings.ts'
import type { Pause } from '../../shared/page-api.ts'
import { jobDeeds } from '../../shared/page-deeds.ts'
import { expectedOf, firingsOf, periodsOf, scheduledJobs } from '../../shared/page-week.ts'
import { sumOf } from '../../site/pages/calendar.ts'
import { configOf, jobOf } from '../fakes/records.ts'

const now = new Date('2026-11-22T12:00:00Z')
const job = (cron: string) => jobOf({ schedules: [{ name: 'default', cron, expressions: [], timezone: 'UTC', enabled: true }] })
const day = (number: number) => new Date(Date.UTC(2026, 10, number))

test('calendar: a firing without a run is missed, one to come is not', () => {
  const run = (id: string, over: Partial<IndexRun> = {}) =>
    ({ id, trigger: 'schedule', by: 'default', status: 'success', ...over }) as IndexRun
  const list = expectedOf(
    firingsBetween(job('0 2 * * *'), day(19), day(25)),
    {
      runs: [run('20261120T020004-aaaaaaaaaaaa'), run('20261122T024500-bbbbbbbbbbbb', { status: 'skipped', reason: 'missed' })],
      since: '2026-11-20',
    },
    now,
  )
  assert.deepEqual(
    list.map(each => each.kept),
    ['unknown', 'ran', 'missed', 'missed', 'coming', 'coming'],
  )
  assert.deepEqual(sumOf(list), { expected: 6, good: 1, failed: 0, missed: 2, skipped: 0, coming: 2 })
})

test('calendar: each firing by the schedule that was in force then; a job that is gone has those it had', () => {
  const configs = { c: configOf([job('0 4 * * *')]), b: configOf([]), a: configOf([job('0 2 * * *')]) }
  const deployments = [
    { config: 'c', from: '2026-11-24T12:00:00Z' },
    { config: 'b', from: '2026-11-23T02:00:00Z' },
    { config: 'a', from: '2026-11-21T00:00:00Z' },
  ] as const
  const periods = (from: Date, until: Date) =>
    periodsOf(deployments, from, until).map(each => ({ ...each, config: configs[each.config] }))
  const firings = (from: Date, until: Date) => firingsOf(periods(from, until), 'shop/nightly', from, until).map(each => each.at)
  assert.deepEqual(firings(day(20), day(26)), [
    '2026-11-20T02:00:00.000Z',
    '2026-11-21T02:00:00.000Z',
    '2026-11-22T02:00:00.000Z',
    '2026-11-25T04:00:00.000Z',
  ])
  assert.deepEqual(
    periods(day(25), day(26)).map(each => each.config),
    [configs.c],
  )
  assert.deepEqual(scheduledJobs(periods(day(20), day(22))), ['shop/nightly'])
  assert.deepEqual(scheduledJobs(periods(day(23), day(24)).slice(0, 1)), [])
})

test('a paused job is offered to be resumed, as is its environment; nothing while that is not known', () => {
  const names = (pauses?: Pause[]) => jobDeeds(job('0 2 * * *'), 'tidemill', pauses).map(({ name }) => name)
  const pause = { at: '2026-11-22T02:00:00Z', actor: 'local:ana' }
  assert.deepEqual(names(), ['Run now'])
  assert.deepEqual(names([{ of: 'job', name: 'shop/other', ...pause }]), ['Run now', 'Pause'])
  assert.deepEqual(names([{ of: 'job', name: 'shop/nightly', ...pause }]), ['Resume'])
  const both: Pause[] = [
    { of: 'job', name: 'shop/nightly', ...pause },
    { of: 'environment', name: 'shop/prod', ...pause },
  ]
  const [resume] = jobDeeds(job('0 2 * * *'), 'tidemill', both)
  assert.equal(resume?.command, 'tidemill resume --environment shop/prod')
  assert.deepEqual(resume?.request, { operation: 'resume', environment: 'shop/prod' })
})
