import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firings, occurrences } from '../../shared/schedule.ts'

const utc = (expression: string, zone: string, from: string, count: number) =>
  firings(expression, zone, new Date(from), { count }).map(each => each.at.toISOString().slice(0, 16))

test('fault 44: Berlin, the night the clocks go forward skips a local time that does not exist', () => {
  const found = occurrences('30 2 * * *', 'Europe/Berlin', new Date('2027-03-26T12:00Z'), { count: 3 })
  assert.deepEqual(found, [
    { kind: 'fires', at: new Date('2027-03-27T01:30Z'), local: '2027-03-27T02:30', offset: 60, offsetChanged: false },
    { kind: 'skipped', local: '2027-03-28T02:30' },
    { kind: 'fires', at: new Date('2027-03-29T00:30Z'), local: '2027-03-29T02:30', offset: 120, offsetChanged: true },
    { kind: 'fires', at: new Date('2027-03-30T00:30Z'), local: '2027-03-30T02:30', offset: 120, offsetChanged: false },
  ])
})

test('fault 44: Berlin, a local time that comes twice fires once, the first time, and says when it comes again', () => {
  const [before, night, after] = firings('30 2 * * *', 'Europe/Berlin', new Date('2026-10-24T00:00Z'), { count: 3 })
  assert.equal(before?.at.toISOString(), '2026-10-24T00:30:00.000Z')
  assert.equal(before?.again, undefined)
  assert.equal(night?.at.toISOString(), '2026-10-25T00:30:00.000Z')
  assert.equal(night?.again?.toISOString(), '2026-10-25T01:30:00.000Z')
  assert.equal(after?.at.toISOString(), '2026-10-26T01:30:00.000Z')
})

test('fault 44: an hourly cron fires once in the repeated hour, and not in the missing one', () => {
  assert.deepEqual(utc('0 * * * *', 'Europe/Berlin', '2026-10-24T23:00Z', 4), [
    '2026-10-24T23:00', // 01:00 summer time
    '2026-10-25T00:00', // 02:00 summer time; 02:00 winter time is the same local time
    '2026-10-25T02:00', // 03:00 winter time
    '2026-10-25T03:00',
  ])
  assert.deepEqual(utc('0 * * * *', 'America/New_York', '2027-03-14T06:00Z', 3), [
    '2027-03-14T06:00', // 01:00 EST
    '2027-03-14T07:00', // 03:00 EDT
    '2027-03-14T08:00',
  ])
})

test('New York: a daily time before, in and after the change', () => {
  assert.deepEqual(utc('15 2 * * *', 'America/New_York', '2027-03-13T00:00Z', 3), [
    '2027-03-13T07:15',
    '2027-03-15T06:15',
    '2027-03-16T06:15',
  ])
  assert.deepEqual(utc('30 1 * * *', 'America/New_York', '2026-10-31T00:00Z', 3), [
    '2026-10-31T05:30',
    '2026-11-01T05:30',
    '2026-11-02T06:30',
  ])
})

test('Lord Howe: the clocks move by half an hour', () => {
  // 5 April 2026: 02:00 goes back to 01:30 (+11 to +10:30). 4 October 2026: 02:00 goes forward to 02:30.
  const autumn = firings('45 1 * * *', 'Australia/Lord_Howe', new Date('2026-04-04T00:00Z'), { count: 2 })
  assert.deepEqual(
    autumn.map(each => [each.at.toISOString(), each.again?.toISOString()]),
    [
      ['2026-04-04T14:45:00.000Z', '2026-04-04T15:15:00.000Z'],
      ['2026-04-05T15:15:00.000Z', undefined],
    ],
  )
  assert.deepEqual(utc('15 2 * * *', 'Australia/Lord_Howe', '2026-10-02T00:00Z', 3), [
    '2026-10-02T15:45',
    '2026-10-04T15:15',
    '2026-10-05T15:15',
  ])
})

test('Kolkata is five and a half hours ahead; São Paulo has had no summer time since 2019', () => {
  assert.deepEqual(utc('0 9 * * *', 'Asia/Kolkata', '2026-11-22T00:00Z', 2), ['2026-11-22T03:30', '2026-11-23T03:30'])
  // 4 November 2018: midnight did not exist in São Paulo.
  assert.deepEqual(utc('0 0 * * *', 'America/Sao_Paulo', '2018-11-03T00:00Z', 3), [
    '2018-11-03T03:00',
    '2018-11-05T02:00',
    '2018-11-06T02:00',
  ])
  assert.deepEqual(utc('0 0 * * *', 'America/Sao_Paulo', '2026-11-03T00:00Z', 2), ['2026-11-03T03:00', '2026-11-04T03:00'])
})

test('leap day, last day of a month, ends of years', () => {
  assert.deepEqual(utc('0 3 29 2 *', 'UTC', '2026-11-22T00:00Z', 2), ['2028-02-29T03:00', '2032-02-29T03:00'])
  assert.deepEqual(utc('0 3 L * *', 'UTC', '2028-01-01T00:00Z', 3), ['2028-01-31T03:00', '2028-02-29T03:00', '2028-03-31T03:00'])
  assert.deepEqual(utc('59 23 31 12 *', 'Pacific/Kiritimati', '2026-11-22T00:00Z', 1), ['2026-12-31T09:59'])
  assert.deepEqual(utc('0 0 1 1 *', 'Pacific/Pago_Pago', '2026-11-22T00:00Z', 1), ['2027-01-01T11:00'])
})

test('nth and last weekdays, and the working day nearest to a date', () => {
  assert.deepEqual(utc('0 8 * * MON#1', 'UTC', '2027-01-01T00:00Z', 3), [
    '2027-01-04T08:00',
    '2027-02-01T08:00',
    '2027-03-01T08:00',
  ])
  assert.deepEqual(utc('0 8 * * 5L', 'UTC', '2027-01-01T00:00Z', 3), ['2027-01-29T08:00', '2027-02-26T08:00', '2027-03-26T08:00'])
  // 15 May 2027 is a Saturday, 15 August a Sunday; 1 May is a Saturday, and stays in its month.
  assert.deepEqual(utc('0 8 15W 5,8 *', 'UTC', '2027-01-01T00:00Z', 2), ['2027-05-14T08:00', '2027-08-16T08:00'])
  assert.deepEqual(utc('0 8 1W 5 *', 'UTC', '2027-01-01T00:00Z', 1), ['2027-05-03T08:00'])
  // 28 February 2027 is a Sunday and the last day of its month.
  assert.deepEqual(utc('0 8 28W 2 *', 'UTC', '2027-01-01T00:00Z', 1), ['2027-02-26T08:00'])
})

test('both day fields restricted: either matches', () => {
  assert.deepEqual(utc('0 4 1 * MON', 'UTC', '2027-01-30T00:00Z', 3), [
    '2027-02-01T04:00',
    '2027-02-08T04:00',
    '2027-02-15T04:00',
  ])
  assert.deepEqual(utc('0 4 10 * MON', 'UTC', '2027-02-02T00:00Z', 3), [
    '2027-02-08T04:00',
    '2027-02-10T04:00',
    '2027-02-15T04:00',
  ])
})

test('windows are half open, so that they tile', () => {
  const at = (from: string, until: string) => firings('0 * * * *', 'UTC', new Date(from), { until: new Date(until) }).length
  assert.equal(at('2027-01-01T00:00Z', '2027-01-01T01:00Z'), 1)
  assert.equal(at('2027-01-01T00:00:01Z', '2027-01-01T01:00Z'), 0)
  assert.equal(at('2027-01-01T00:00Z', '2027-01-01T01:00:01Z'), 2)
})

test('the deployed expression fires as the five fields do', () => {
  const from = new Date('2027-03-20T00:00Z')
  const limit = { until: new Date('2027-04-20T00:00Z') }
  assert.deepEqual(
    firings('cron(30 2 ? * MON-FRI *)', 'Europe/Berlin', from, limit),
    firings('30 2 * * 1-5', 'Europe/Berlin', from, limit),
  )
  assert.deepEqual(firings('cron(0 9 ? * 6#2 *)', 'UTC', from, limit), firings('0 9 * * FRI#2', 'UTC', from, limit))
})
