/** Values of options that are more than text. */
import { UserError } from '../shared/errors.ts'

export function parseCount(text: string, option: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text)
  throw new UserError(`${option} "${text}" is not a number from 1 to 9999.`)
}

export function parsePort(text: string, option = '--port'): number {
  if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536) return Number(text)
  throw new UserError(`${option} "${text}" is not a number from 1 to 65535.`)
}

const UNIT_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** `90m`, `2h`, `3d`, `1w` before now, or a date or time (UTC where it names no zone). */
export function parseSince(text: string, now: Date): Date {
  const span = /^(\d{1,5})\s*([mhdw])$/.exec(text)
  const unit = UNIT_MS[span?.[2] ?? '']
  if (span && unit !== undefined) return new Date(now.getTime() - Number(span[1]) * unit)
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(/^[\d-]{10}T[\d:.]+$/.test(text) ? `${text}Z` : text) : Number.NaN
  if (!Number.isNaN(time)) return new Date(time)
  throw new UserError(`--since "${text}" is neither a span nor a date.`, {
    hint: 'Write 90m, 2h, 3d, 1w, 2026-11-20 or 2026-11-20T08:00:00Z.',
  })
}
