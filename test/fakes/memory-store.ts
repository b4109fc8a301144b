/** The store of the Lambdas over a table in memory. */
import { makeDynamoStore } from '../../lambda/common/dynamo-store.ts'
import type { MessageItem } from '../../lambda/common/message-item.ts'
import type { Store } from '../../lambda/common/store.ts'
import type { AuditEntry } from '../../shared/api.ts'
import { PK } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'
import { itemOfRun } from '../../shared/run-item.ts'
import { type MemoryTable, makeMemoryTable } from './memory-table.ts'

export interface MemoryStore extends Store {
  table: MemoryTable
  readonly messages: Map<string, MessageItem>
  readonly audits: AuditEntry[]
  /** Puts a run as it is, past all rules. */
  plant(run: RunRecord): void
  /** Takes the run's places by hand. */
  occupy(job: string, environment: string, run: string): void
  environmentRuns(name: string): string[]
}

export function makeMemoryStore(table: MemoryTable = makeMemoryTable()): MemoryStore {
  const itemsOf = (prefix: string) => [...table.items].filter(([pk]) => pk.startsWith(prefix)).map(([, item]) => item)
  const running = (pk: string) => (table.items.get(pk)?.running as Set<string> | undefined) ?? new Set()
  return {
    ...makeDynamoStore(table.client, 'memory'),
    table,
    get messages() {
      return new Map(itemsOf('MSG#').map(item => [String(item.pk), item as unknown as MessageItem]))
    },
    get audits() {
      return itemsOf('AUDIT#').map(({ pk: _, schemaVersion: __, dayKey: ___, ...entry }) => entry as unknown as AuditEntry)
    },
    plant: run => table.plant(itemOfRun(run)),
    occupy(job, environment, run) {
      for (const pk of [PK.job(job), PK.environment(environment)])
        table.plant({ ...table.items.get(pk), pk, running: new Set([...running(pk), run]) })
    },
    environmentRuns: name => [...running(PK.environment(name))],
  }
}
