import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStep, sliceSpan, sliceValues } from '../../shared/backfill.ts'
import { UserError } from '../../shared/errors.ts'
import { fillTemplate, namesIn } from '../../shared/template.ts'

const slices = (from: string, to: string, step: string, timezone = 'Europe/Berlin', max = 1000) =>
  sliceSpan({ from, to, step: parseStep(step), timezone }, max)
const hours = (each: { startAt: Date; endAt: Date }) => (each.endAt.getTime() - each.startAt.getTime()) / 3_600_000

test('a date as the end means the whole of that day', () => {
  const days = slices('2026-01-01', '2026-01-31', '1d')
  assert.equal(days.length, 31)
  assert.deepEqual(
    [days[0]?.start, days[0]?.end, days.at(-1)?.start, days.at(-1)?.end],
    ['2026-01-01', '2026-01-02', '2026-01-31', '2026-02-01'],
  )
  assert.equal(days[0]?.startAt.toISOString(), '2025-12-31T23:00:00.000Z')
})

test('fault 44: days are those of the zone, 23 and 25 hours long when the clocks change; every hour is in one slice', () => {
  for (const [from, to, length] of [
    ['2026-03-28', '2026-03-30', 23],
    ['2026-10-24', '2026-10-26', 25],
  ] as const) {
    const days = slices(from, to, '1d')
    assert.deepEqual(days.map(hours), [24, length, 24])
    const byHour = slices(from, to, '1h')
    assert.equal(byHour.length, 48 + length)
    for (const list of [days, byHour])
      for (const [index, each] of list.slice(1).entries()) assert.equal(each.startAt.getTime(), list[index]?.endAt.getTime())
  }
})

test('fault 44: a day whose midnight does not exist begins when the clocks have jumped', () => {
  // Havana goes from 00:00 to 01:00.
  const days = slices('2026-03-07', '2026-03-09', '1d', 'America/Havana')
  assert.deepEqual(days.map(hours), [24, 23, 24])
  assert.deepEqual(
    days.map(each => each.start),
    ['2026-03-07', '2026-03-08T01:00', '2026-03-09'],
  )
})

test('months keep their day, and the last slice ends with the span', () => {
  assert.deepEqual(
    slices('2024-01-31', '2024-05-10', '1mo', 'UTC').map(each => each.start),
    ['2024-01-31', '2024-02-29', '2024-03-31', '2024-04-30'],
  )
  const weeks = slices('2026-01-01', '2026-01-10', '1w', 'UTC')
  assert.deepEqual(
    weeks.map(each => [each.start, each.end]),
    [
      ['2026-01-01', '2026-01-08'],
      ['2026-01-08', '2026-01-11'],
    ],
  )
  assert.deepEqual(
    slices('2026-01-01T06:00', '2026-01-01T07:30', '1h', 'UTC').map(each => each.end),
    ['2026-01-01T07:00', '2026-01-01T07:30'],
  )
})

test('what is no time, ends before it begins, or is too much is refused', () => {
  for (const bad of ['2026-02-30', '2026-1-1', 'yesterday', '2026-01-01T25:00'])
    assert.throws(
      () => slices(bad, '2026-12-31', '1d'),
      (error: unknown) => error instanceof UserError && /is not a date/.test(error.message),
    )
  for (const bad of ['', '0d', '1x', '-1d', '1.5h']) assert.throws(() => parseStep(bad), /not a length of time/)
  assert.throws(() => slices('2026-01-02', '2026-01-01', '1d'), /before/)
  assert.throws(() => slices('2020-01-01', '2026-01-01', '1h'), /more than 1000 slices/)
})

test('names in a template are replaced, and an unknown one says which there are', () => {
  const [first] = slices('2026-01-01', '2026-01-01', '1d')
  assert.ok(first)
  const values = sliceValues(first)
  assert.equal(fillTemplate('{{ start }} to {{end}}', values), '2026-01-01 to 2026-01-02')
  assert.deepEqual(namesIn('a {{ x }} {{y}}'), ['x', 'y'])
  assert.throws(() => fillTemplate('{{ strat }}', values), /did you mean "start"/)
  assert.equal(fillTemplate('{{ start }}', { start: '{{ end }}' }), '{{ end }}')
})
