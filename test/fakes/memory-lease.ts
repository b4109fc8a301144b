/** The dispatcher's lease in memory. */
import type { LeaseStore } from '../../lambda/common/store.ts'

interface Lease {
  holder: string
  until: string
  again: Set<string>
}

export function makeMemoryLease(): LeaseStore {
  let lease: Lease | undefined
  return {
    async acquire(holder, now, until) {
      if (lease && lease.until >= now) return false
      lease = { holder, until, again: lease?.again ?? new Set() }
      return true
    },
    async leaveNote(notes, now) {
      if (!lease || lease.until < now) return false
      for (const note of notes.length ? notes : ['*']) lease.again.add(note)
      return true
    },
    async takeNotes(holder, until) {
      if (lease?.holder !== holder) return undefined
      const notes = [...lease.again].filter(note => note !== '*')
      lease = { holder, until, again: new Set() }
      return notes
    },
    async release(holder) {
      if (lease?.holder !== holder || lease.again.size > 0) return false
      lease = undefined
      return true
    },
  }
}
