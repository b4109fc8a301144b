/** Names and places of deployed schedules, and the minute at which an `every` starts: all fixed by hashes that never change. */
import { type Refusal, refuse } from './refusal.ts'

/** 64-bit FNV-1a of the UTF-8 text: small, the same everywhere, and never to be changed (schedules would move). */
function hash(text: string): bigint {
  let value = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(text)) value = ((value ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn
  return value
}

/** Nested stacks that share the schedules: a stack holds at most 500 resources, and a schedule never moves. */
export const SCHEDULE_BUCKETS = 8

/** 0 to 7, from the resource name. */
export const scheduleBucket = (name: string): number => Number(hash(name) % BigInt(SCHEDULE_BUCKETS))

/** EventBridge: at most 64 of letters, digits, `-`, `_`, `.`. */
const NAME_LENGTH = 64

/**
 * Name of the EventBridge schedule of expression `index` (0, or 1 where a cron became two). `job` is the full name.
 * Parts are joined by `.`, which no part contains, so two schedules never get the same name; a long one ends in its hash.
 */
export function scheduleResourceName(installation: string, job: string, schedule: string, index: number): string {
  const whole = [installation, ...job.split('/'), schedule, ...(index ? [String(index + 1)] : [])].join('.')
  if (whole.length <= NAME_LENGTH) return whole
  const tail = hash(whole).toString(16).padStart(16, '0')
  return `${whole.slice(0, NAME_LENGTH - tail.length - 1)}-${tail}`
}

/** Name of the EventBridge rule of a trigger. `job` is the full name. */
export const ruleName = (installation: string, job: string, trigger: string): string =>
  scheduleResourceName(installation, job, `on-${trigger}`, 0)

/** What an interval may be: each divides an hour or a day. */
export const INTERVALS = [
  '1m',
  '2m',
  '3m',
  '4m',
  '5m',
  '6m',
  '10m',
  '12m',
  '15m',
  '20m',
  '30m',
  '1h',
  '2h',
  '3h',
  '4h',
  '6h',
  '8h',
  '12h',
  '1d',
]

/**
 * The cron of an `every` of so many seconds. Jobs are spread over the minutes by their full name, so that fifty hourly
 * jobs do not start together; the minute of a job never changes.
 */
export function cronOfInterval(seconds: number, job: string): string | Refusal {
  const minutes = seconds / 60
  const divides = Number.isInteger(minutes) && minutes > 0 && (60 % minutes === 0 || (minutes % 60 === 0 && 1440 % minutes === 0))
  if (!divides) return refuse(`does not divide an hour or a day evenly; allowed: ${INTERVALS.join(', ')}`)
  const offset = Number(hash(job) % BigInt(Math.min(60, minutes)))
  if (minutes === 1) return '* * * * *'
  if (minutes < 60) return `${offset}/${minutes} * * * *`
  if (minutes === 60) return `${offset} * * * *`
  return minutes === 1440 ? `${offset} 0 * * *` : `${offset} 0/${minutes / 60} * * *`
}
