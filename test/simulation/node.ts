/** What the logic takes from Node itself, as the simulation wants it: in virtual time, the same each time, and quick. */
import type { Scheduler } from './scheduler.ts'

export async function withNodeOf({ after }: Scheduler, work: () => Promise<void>): Promise<void> {
  const before = { setTimeout, random: Math.random, DateTimeFormat: Intl.DateTimeFormat, stackTraceLimit: Error.stackTraceLimit }
  // The store waits between two tries of a transaction by a timer and chance of Node.
  globalThis.setTimeout = ((happen: () => void, milliseconds = 0) => after(milliseconds, happen)) as typeof setTimeout
  Math.random = () => 0.5
  // A formatter costs as much to make as all else that a message takes; conditions that do not hold are no news.
  Intl.DateTimeFormat = keepingFormats(before.DateTimeFormat)
  Error.stackTraceLimit = 0
  try {
    await work()
  } finally {
    globalThis.setTimeout = before.setTimeout
    Math.random = before.random
    Intl.DateTimeFormat = before.DateTimeFormat
    Error.stackTraceLimit = before.stackTraceLimit
  }
}

const kept = new Map<string, Intl.DateTimeFormat>()

const keepingFormats = (Format: typeof Intl.DateTimeFormat): typeof Intl.DateTimeFormat =>
  new Proxy(Format, {
    construct(target, [locale, options]: [string, Intl.DateTimeFormatOptions]) {
      const key = JSON.stringify([locale, options])
      const known = kept.get(key) ?? new target(locale, options)
      kept.set(key, known)
      return known
    },
  })
