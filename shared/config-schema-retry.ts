/** Schema of what a job does after a failure. */
import * as z from 'zod/mini'
import { about, integer, listOf, text, withDefault } from './config-schema-parts.ts'
import { durationReader } from './config-values.ts'
import { type Refusal, refuse } from './refusal.ts'

/** The classes a user may choose; `never` is not one. */
const CLASSES = ['infrastructure', 'transient', 'memory', 'resume'] as const

const backoffSpec = z.strictObject({
  first: withDefault(about(text(durationReader('1s', '1d')), 'Before the second attempt.', ['1m']), '15s'),
  factor: withDefault(
    about(z.number().check(z.minimum(1), z.maximum(10)), 'Each further wait is so many times longer. 1 to 10.'),
    2,
  ),
  max: withDefault(about(text(durationReader('1s', '1d')), 'No wait is longer.', ['15m']), '5m'),
})

const readPattern = (pattern: string): string | Refusal => {
  if (pattern.length > 500) return refuse('is longer than 500 characters')
  try {
    // An expression that fits the empty text would make every failure a passing one.
    return new RegExp(pattern, 'i').test('') ? refuse('matches any message, also an empty one; say more of it') : pattern
  } catch (error) {
    return refuse(`is not a regular expression: ${error instanceof Error ? error.message : error}`)
  }
}

const retrySpec = z.strictObject({
  attempts: withDefault(about(integer(1, 10), 'Attempts in all, the first included; 1 is no retry.'), 2),
  on: withDefault(
    about(
      listOf(z.enum(CLASSES)),
      'What is worth another attempt: `infrastructure` (AWS lost or could not start the task), `transient` (git or package host does not answer; every failed node tells of a passing fault of the warehouse: a lock, throttling, a lost connection), `memory` (out of memory; the next attempt is larger), `resume` (failed nodes or the time limit; only what is left is built).',
    ),
    ['infrastructure', 'transient'],
  ),
  patterns: withDefault(
    about(
      listOf(text(readPattern)).check(z.maxLength(50)),
      'Regular expressions of your own passing faults, matched with the message of the database and without regard to case. They count as `transient`.',
      [['Warehouse .* is suspended']],
    ),
    [],
  ),
  backoff: withDefault(about(backoffSpec, 'How long the next attempt waits.'), {}),
  within: z.optional(
    about(
      text(durationReader('1m', '7d')),
      'No attempt begins later than this after the start of the first. Without it only `attempts` and `timeout` bound a run.',
      ['2h'],
    ),
  ),
  resume: withDefault(
    about(z.boolean(), 'An attempt runs only what is left. `false`: it begins at the first step, on the same commit.'),
    true,
  ),
})

export const retryOption = withDefault(about(retrySpec, 'Attempts after a failure that is worth another.'), {})

export const deactivateOption = z.optional(
  about(
    integer(1, 100),
    'Failed runs in a row after which the job is paused, as by `tidemill pause`. The message about the last of them says so, once; `tidemill resume` lets it run again, for as many more. Off by default.',
    [5],
  ),
)
