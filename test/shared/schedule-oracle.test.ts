/**
 * The evaluator against a slow one that shares no code with it: every UTC minute of a window is put into local time by
 * Intl and compared field by field with a random cron; a local minute seen before does not fire again.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployCron, firings } from '../../shared/schedule.ts'
import { generator } from './config-helper.ts'

interface Fields {
  minutes: number[]
  hours: number[]
  dates: number[] | undefined
  weekdays: number[] | undefined
}

const WINDOWS: [string, string][] = [
  ['Europe/Berlin', '2027-03-27T12:00Z'],
  ['Europe/Berlin', '2026-10-24T12:00Z'],
  ['America/New_York', '2027-03-13T18:00Z'],
  ['America/New_York', '2026-10-31T18:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T00:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T00:00Z'],
  ['Asia/Kolkata', '2027-02-27T12:00Z'],
  ['America/Sao_Paulo', '2018-11-03T12:00Z'],
  ['America/Sao_Paulo', '2019-02-16T12:00Z'],
  ['Pacific/Apia', '2011-12-29T06:00Z'],
  ['Asia/Kathmandu', '2027-12-31T00:00Z'],
  ['Africa/Cairo', '2027-04-29T12:00Z'],
  ['America/Santiago', '2027-04-03T12:00Z'],
  ['Pacific/Kiritimati', '2028-02-28T00:00Z'],
  ['UTC', '2028-02-28T12:00Z'],
]
const MINUTE = 60_000
const SPAN = 48 * 60

test('agrees with the slow oracle around every kind of change', { timeout: 30_000 }, () => {
  const random = generator(20_261_122)
  let compared = 0
  for (const [zone, start] of WINDOWS) {
    const walls = wallMinutes(zone, start)
    for (let trial = 0; trial < 10; trial++) {
      const fields = randomFields(random)
      const text = render(fields)
      const expected = oracle(walls, fields, start)
      const found = firings(text, zone, new Date(start), { until: new Date(Date.parse(start) + SPAN * MINUTE) })
      assert.deepEqual(
        found.map(each => each.at.toISOString()),
        expected,
        `${text} in ${zone} from ${start}`,
      )
      const deployed = deployCron(text)
      assert.ok(!('refused' in deployed))
      const union = new Set(
        deployed.expressions
          .flatMap(each => firings(each, zone, new Date(start), { until: new Date(Date.parse(start) + SPAN * MINUTE) }))
          .map(each => each.at.toISOString()),
      )
      assert.deepEqual([...union].sort(), expected, `${deployed.expressions} in ${zone} from ${start}`)
      compared += expected.length
    }
  }
  assert.ok(compared > 4_000, `${compared} firings compared`)
})

interface Wall {
  text: string
  minute: number
  hour: number
  date: number
  weekday: number
}

function wallMinutes(zone: string, start: string): Wall[] {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  })
  // A day early, so that a local minute whose first coming lies before the window is known as seen.
  return Array.from({ length: SPAN + 1440 }, (_, i) => {
    const parts = Object.fromEntries(
      format.formatToParts(Date.parse(start) + (i - 1440) * MINUTE).map(part => [part.type, part.value]),
    )
    return {
      text: `${parts.year}-${parts.month}-${parts.day} ${parts.hour}:${parts.minute}`,
      minute: Number(parts.minute),
      hour: Number(parts.hour),
      date: Number(parts.day),
      weekday: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(parts.weekday ?? ''),
    }
  })
}

function oracle(walls: readonly Wall[], fields: Fields, start: string): string[] {
  const seen = new Set<string>()
  return walls.flatMap((wall, i) => {
    const again = seen.has(wall.text)
    seen.add(wall.text)
    if (again || i < 1440) return []
    const byDate = fields.dates?.includes(wall.date)
    const byWeekday = fields.weekdays?.includes(wall.weekday)
    const day = byDate === undefined ? (byWeekday ?? true) : byWeekday === undefined ? byDate : byDate || byWeekday
    if (!day || !fields.minutes.includes(wall.minute) || !fields.hours.includes(wall.hour)) return []
    return [new Date(Date.parse(start) + (i - 1440) * MINUTE).toISOString()]
  })
}

function randomFields(random: (below: number) => number): Fields {
  const some = (from: number, to: number) => {
    const kind = random(4)
    if (kind === 0) return range(from, to, 1)
    if (kind === 1) return range(from, to, 2 + random(5))
    return [...new Set(Array.from({ length: 1 + random(5) }, () => from + random(to - from + 1)))].sort((a, b) => a - b)
  }
  return {
    minutes: some(0, 59),
    hours: some(0, 23),
    dates: random(3) ? undefined : some(1, 28),
    weekdays: random(3) ? undefined : some(0, 6),
  }
}

const range = (from: number, to: number, step: number) =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step)

const render = ({ minutes, hours, dates, weekdays }: Fields) =>
  [
    minutes.join(','),
    hours.join(','),
    dates?.join(',') ?? '*',
    '*',
    weekdays?.length === 7 ? '0-6' : (weekdays?.join(',') ?? '*'),
  ].join(' ')
