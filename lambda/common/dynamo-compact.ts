/** The compactor's lease in the table, and the notes of what it has to look at: they are there until it is done. */
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { dayOfRun, PK, RUN_ID_PATTERN } from '../../shared/contract.ts'
import { type Dynamo, removeIf, update } from './dynamo.ts'

/**
 * One compactor at a time. A note is the id of a run, or a day. It is left before anybody looks at the lease, and goes only
 * after its work: whoever dies in between leaves it to the next one.
 */
export interface CompactLease {
  note(notes: readonly string[]): Promise<void>
  acquire(holder: string, now: string, until: string): Promise<boolean>
  /** All notes that are not done, those among them that are new, and the lease is extended. Undefined: it is held by another now. */
  take(holder: string, until: string): Promise<{ all: string[]; fresh: string[] } | undefined>
  /** One of those that were taken has come further. False: as below. */
  advance(holder: string, from: string, to: string | undefined): Promise<boolean>
  /** What was taken is done. False: the lease is held by another now, who does it again. */
  done(holder: string): Promise<boolean>
  /** False: there are new notes, or another holds it. */
  release(holder: string): Promise<boolean>
  /** Lets go also of what is left: the next holder finds it. */
  handOver(holder: string): Promise<void>
  /** Notes that nobody works on. */
  left(now: string): Promise<boolean>
}

/** A write counts by the size of the item: when more runs than this wait, their days are noted in their place. */
const MOST = 300

export function makeCompactLease(dynamo: Dynamo): CompactLease {
  const pk = PK.compactLease
  const held = '#holder = :holder'
  const setOf = (value: unknown) => [...((value as Set<string> | undefined) ?? [])]
  return {
    async note(notes) {
      if (notes.length === 0) return
      const add = (given: readonly string[]) =>
        update(dynamo, { pk, update: 'ADD #again :notes', values: { notes: new Set(given) } })
      const runs = setOf((await add(notes.length > MOST ? daysOf(notes) : notes))?.again).filter(note =>
        RUN_ID_PATTERN.test(note),
      )
      if (runs.length <= MOST) return
      await add(daysOf(runs))
      await update(dynamo, { pk, update: 'DELETE #again :notes', values: { notes: new Set(runs) } })
    },
    async acquire(holder, now, until) {
      return !!(await update(dynamo, {
        pk,
        update: 'SET #holder = :holder, #until = :until',
        condition: 'attribute_not_exists(#holder) OR #until < :now',
        values: { holder, until, now },
      }))
    },
    async take(holder, until) {
      const item = await update(dynamo, { pk, update: 'SET #until = :until', condition: held, values: { holder, until } })
      if (!item) return undefined
      const again = setOf(item.again)
      if (again.length === 0) return { all: setOf(item.doing), fresh: [] }
      // A note that comes in now for a run among them is kept beside.
      const moved = await update(dynamo, {
        pk,
        update: 'ADD #doing :notes DELETE #again :notes',
        condition: held,
        values: { holder, notes: new Set(again) },
      })
      return moved && { all: setOf(moved.doing), fresh: again }
    },
    async advance(holder, from, to) {
      const step = (change: string, note: string) =>
        update(dynamo, { pk, update: `${change} #doing :note`, condition: held, values: { holder, note: new Set([note]) } })
      if (to !== undefined && !(await step('ADD', to))) return false
      return !!(await step('DELETE', from))
    },
    async done(holder) {
      return !!(await update(dynamo, { pk, update: 'REMOVE #doing', condition: held, values: { holder } }))
    },
    release(holder) {
      const condition = `${held} AND attribute_not_exists(#again) AND attribute_not_exists(#doing)`
      return removeIf(dynamo, { pk, condition, values: { holder } })
    },
    async handOver(holder) {
      await update(dynamo, { pk, update: 'REMOVE #holder, #until', condition: held, values: { holder } })
    },
    async left(now) {
      const { Item } = await dynamo.client.send(new GetCommand({ TableName: dynamo.table, Key: { pk }, ConsistentRead: true }))
      const busy = Item?.holder !== undefined && Item.until >= now
      return !busy && setOf(Item?.again).length + setOf(Item?.doing).length > 0
    },
  }
}

/** Of runs; other notes stay. */
const daysOf = (notes: readonly string[]) => [...new Set(notes.map(note => (RUN_ID_PATTERN.test(note) ? dayOfRun(note) : note)))]
