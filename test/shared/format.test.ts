import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  cutText,
  formatBytes,
  formatCount,
  formatDateTime,
  formatDay,
  formatDuration,
  formatMoney,
  formatRelative,
  formatSpan,
  formatTime,
  oneLine,
  plural,
  stripControls,
} from '../../shared/format.ts'

/** Each row: what is given, what is to come out. */
function table<T>(title: string, format: (value: T) => string, rows: [T, string][]): void {
  test(title, () => {
    for (const [value, expected] of rows) assert.equal(format(value), expected, `of ${JSON.stringify(value)}`)
  })
}

table('durations', formatDuration, [
  [0, '0s'],
  [0.42, '0.4s'],
  [9.96, '10s'],
  [58, '58s'],
  [59.6, '1m 00s'],
  [662, '11m 02s'],
  [3599.7, '1h 00m'],
  [7500, '2h 05m'],
  [86_399, '1d 00h'],
  [3 * 86_400 + 4 * 3600, '3d 04h'],
  [-3, '0s'],
  [Number.NaN, '0s'],
])

table('spans in sentences', formatSpan, [
  [-1, '0 s'],
  [58, '58 s'],
  [89, '89 s'],
  [662, '11 min'],
  [19 * 3600, '19 h'],
  [3 * 86_400, '3 days'],
])

table('sizes', formatBytes, [
  [812, '812 B'],
  [1023.9, '1 KB'],
  [4.2 * 1024 ** 2, '4.2 MB'],
  [2 * 1024 ** 3, '2 GB'],
  [812 * 1024 ** 2, '812 MB'],
])

table('money', formatMoney, [
  [0, '0.00 USD'],
  [0.0004, 'less than 0.001 USD'],
  [0.011, '0.011 USD'],
  [1.239, '1.24 USD'],
])

test('counts and plurals', () => {
  assert.equal(formatCount(1412), '1,412')
  assert.equal(plural(1, 'model'), '1 model')
  assert.equal(plural(1200, 'model'), '1,200 models')
  assert.equal(plural(2, 'query', 'queries'), '2 queries')
})

test('times say their zone and follow its summer time', () => {
  assert.equal(formatTime(new Date('2026-11-22T01:00:04Z'), 'Europe/Berlin'), '02:00 Europe/Berlin')
  assert.equal(formatTime(new Date('2026-07-22T01:00:04Z'), 'Europe/Berlin'), '03:00 Europe/Berlin')
  assert.equal(formatTime(new Date('2026-07-22T00:00:00Z'), 'UTC'), '00:00 UTC')
  assert.equal(formatDateTime(new Date('2026-09-06T23:30:00Z'), 'Asia/Kolkata'), 'Mon 7 Sep 2026 05:00 Asia/Kolkata')
})

test('days are those of the zone', () => {
  const now = new Date('2026-11-22T00:30:00Z')
  assert.equal(formatDay(new Date('2026-11-21T23:30:00Z'), now, 'Europe/Berlin'), 'today 00:30')
  assert.equal(formatDay(new Date('2026-11-21T23:30:00Z'), now, 'UTC'), 'yesterday 23:30')
  assert.equal(formatDay(new Date('2026-11-19T01:00:00Z'), now, 'UTC'), 'Thu 19 Nov 01:00')
  assert.equal(formatDay(new Date('2025-09-19T01:00:00Z'), now, 'UTC'), 'Fri 19 Sep 2025 01:00')
})

test('relative times', () => {
  const now = new Date('2026-11-22T12:00:00Z')
  assert.equal(formatRelative(new Date('2026-11-22T06:00:00Z'), now), '6 h ago')
  assert.equal(formatRelative(new Date('2026-11-22T12:05:00Z'), now), 'in 5 min')
  assert.equal(formatRelative(new Date('2026-11-22T11:59:58Z'), now), 'just now')
})

test('fault 40: foreign text loses colours, control characters and marks that turn its direction', () => {
  assert.equal(stripControls('\u001b[31mred\u001b[0m\u0007 \u202egnp.exe\u2069 a\u0000b\u200bc\ufeff\ud800'), 'red gnp.exe abc')
  assert.equal(stripControls('one\r\ntwo\rthree\u2028four\tx'), 'one\ntwo\nthree\nfour\tx')
  assert.equal(stripControls('\u001b]8;;https://x.example\u0007link\u001b]8;;\u0007'), 'link')
  assert.equal(oneLine('  a\n\n b\t c\u0085d ', 40), 'a b c d')
})

test('fault 40: a megabyte is cut, and never in the middle of a character', () => {
  const cut = oneLine('x'.repeat(2 ** 20), 100)
  assert.equal(cut.length, 100)
  assert.ok(cut.endsWith('x…'))
  assert.equal(cutText('abc', 3), 'abc')
  assert.equal(cutText('ab👩cd', 4), 'ab…')
  assert.equal(cutText('ab👩cd', 5), 'ab👩…')
  assert.equal(cutText('cafe\u0301s are open', 5), 'caf…')
  assert.equal(oneLine(`${'\u202e'.repeat(2 ** 20)}name`, 10), '…')
})
