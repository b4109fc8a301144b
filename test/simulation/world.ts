/** What all parts of one simulation share. */
import type { MemoryTable } from '../fakes/memory-table.ts'
import type { Faults } from './faults.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'

export interface World {
  random: Random
  faults: Faults
  scheduler: Scheduler
  table: MemoryTable
  /** Mean duration of a call in milliseconds, and how many calls take so long that others get in between. */
  pace: { mean: number; between: number }
  /** A line of the story, when somebody reads it. */
  trace(line: () => string): void
  /** Something that must never be was seen. */
  violate(rule: string, details: string): void
}
