import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../../shared/refusal.ts'
import { deployCron, firings } from '../../shared/schedule.ts'
import { cronOfInterval, INTERVALS, scheduleBucket, scheduleResourceName } from '../../shared/schedule-names.ts'

test('names of schedules never change and never meet', () => {
  assert.equal(scheduleResourceName('tidemill', 'shop/nightly', 'default', 0), 'tidemill.shop.nightly.default')
  assert.equal(scheduleResourceName('tidemill', 'shop/nightly', 'default', 1), 'tidemill.shop.nightly.default.2')
  assert.notEqual(scheduleResourceName('t', 'a-b/c', 'd', 0), scheduleResourceName('t', 'a/b-c', 'd', 0))
  const long = (last: string) =>
    scheduleResourceName('i'.repeat(24), `${'p'.repeat(48)}/${'j'.repeat(63)}${last}`, 's'.repeat(24), 1)
  assert.notEqual(long('a'), long('b'))
  assert.match(long('a'), /^[\w.-]{64}$/)
})

test('a schedule never moves to another stack, and the stacks fill evenly', () => {
  assert.deepEqual(['tidemill.shop.nightly.default', 'tidemill.shop.hourly.default', 'a'].map(scheduleBucket), [3, 5, 4])
  const buckets = Array.from({ length: 1000 }, (_, i) => scheduleBucket(`tidemill.shop.job_${i}.default`))
  const counts = Array.from({ length: 8 }, (_, bucket) => buckets.filter(each => each === bucket).length)
  assert.ok(Math.min(...counts) > 80 && Math.max(...counts) < 180, counts.join())
})

test('every interval becomes a cron whose firings divide the day evenly', () => {
  for (const interval of INTERVALS) {
    const amount = Number.parseInt(interval, 10)
    const minutes = amount * (interval.endsWith('m') ? 1 : interval.endsWith('h') ? 60 : 1440)
    const cron = cronOfInterval(minutes * 60, 'shop/nightly')
    assert.ok(!isRefusal(cron), interval)
    const result = deployCron(cron)
    assert.ok(!isRefusal(result), `${interval}: ${cron}`)
    assert.equal(result.expressions.length, 1)
    const found = firings(cron, 'UTC', new Date('2027-01-01T00:00Z'), { until: new Date('2027-01-03T00:00Z') }).map(each =>
      each.at.getTime(),
    )
    assert.equal(found.length, (2 * 1440) / minutes, interval)
    for (const [i, at] of found.slice(1).entries()) assert.equal(at - (found[i] ?? 0), minutes * 60_000, interval)
  }
  for (const seconds of [90, 7 * 60, 45 * 60, 90 * 60, 5 * 3600, 2 * 86_400])
    assert.ok(isRefusal(cronOfInterval(seconds, 'shop/nightly')), String(seconds))
})

test('jobs are spread over the minutes, each always at its own', () => {
  assert.equal(cronOfInterval(3600, 'shop/nightly'), cronOfInterval(3600, 'shop/nightly'))
  const minutes = new Set(Array.from({ length: 200 }, (_, i) => cronOfInterval(3600, `shop/job_${i}`)))
  assert.ok(minutes.size > 50, String(minutes.size))
})
