/** The dispatcher's lease in the table. */
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { PK } from '../../shared/contract.ts'
import { type Dynamo, removeIf, update } from './dynamo.ts'
import { type LeaseStore, NOTE } from './store.ts'

/**
 * Runs named in notes. A partition of the table takes 1,000 writes of 1 KB a second, and a write counts by the size of the
 * item: when thousands of runs are claimed within a minute, each with a poke, naming them all would throttle the lease.
 */
const MOST = 20

export function makeLeaseStore(dynamo: Dynamo): LeaseStore {
  const pk = PK.dispatchLease
  /** Whoever comes to a lease that is held only reads, as far as that will do: reads are cheap, and no write is lost by them. */
  const read = async (now: string) => {
    const { Item } = await dynamo.client.send(new GetCommand({ TableName: dynamo.table, Key: { pk }, ConsistentRead: true }))
    return { held: Item?.holder !== undefined && Item.until >= now, again: (Item?.again as Set<string> | undefined) ?? new Set() }
  }
  return {
    async acquire(holder, now, until) {
      if ((await read(now)).held) return false
      return !!(await update(dynamo, {
        pk,
        update: 'SET #holder = :holder, #until = :until',
        condition: 'attribute_not_exists(#holder) OR #until < :now',
        values: { holder, until, now },
      }))
    },
    async leaveNote(runs, now) {
      const { held, again } = await read(now)
      if (!held) return false
      // The holder has not taken it yet: it will look at the line after this.
      if (again.has(NOTE.more)) return true
      const note = again.size + runs.length > MOST ? [NOTE.more] : runs.length ? runs : [NOTE.look]
      return !!(await update(dynamo, {
        pk,
        update: 'ADD #again :note',
        condition: 'attribute_exists(#holder) AND #until >= :now',
        values: { note: new Set(note), now },
      }))
    },
    async takeNotes(holder, until) {
      const before = await update(
        dynamo,
        { pk, update: 'SET #until = :until REMOVE #again', condition: '#holder = :holder', values: { holder, until } },
        'ALL_OLD',
      )
      return before && [...((before.again as Set<string> | undefined) ?? [])]
    },
    release: holder =>
      removeIf(dynamo, { pk, condition: '#holder = :holder AND attribute_not_exists(#again)', values: { holder } }),
    async handOver(holder) {
      await update(dynamo, { pk, update: 'REMOVE #holder, #until', condition: '#holder = :holder', values: { holder } })
    },
  }
}
