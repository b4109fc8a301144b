/**
 * Counts the capacity that requests use in each partition of the table and of its indexes, second by second, as DynamoDB
 * does ("Capacity unit consumption"): a write of each begun KB, a read of each begun 4 KB, half of that for reads that may be
 * late, twice for transactions, and as much for a write whose condition fails. A partition gives 1,000 writes and 3,000 reads.
 */
import {
  BatchGetCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import { INDEX } from '../../shared/contract.ts'
import type { MemoryTable } from './memory-table.ts'

type Item = Record<string, unknown>

export interface Capacity {
  /** Most units used in one second, and where. */
  most: { write: Peak; read: Peak }
  /** Units in all. */
  total: { write: number; read: number }
  requests: number
}
interface Peak {
  units: number
  partition: string
}

export const LIMIT_OF_PARTITION = { write: 1000, read: 3000 }

export function countCapacity(table: MemoryTable, now: () => number): Capacity {
  const capacity: Capacity = {
    most: { write: { units: 0, partition: '' }, read: { units: 0, partition: '' } },
    total: { write: 0, read: 0 },
    requests: 0,
  }
  let second = 0
  let used = { write: new Map<string, number>(), read: new Map<string, number>() }
  const use = (kind: 'write' | 'read', partition: string, units: number) => {
    const at = Math.floor(now() / 1000)
    if (at !== second) used = { write: new Map(), read: new Map() }
    second = at
    const sum = (used[kind].get(partition) ?? 0) + units
    used[kind].set(partition, sum)
    capacity.total[kind] += units
    if (sum > capacity.most[kind].units) capacity.most[kind] = { units: sum, partition }
  }
  const writes = (bytes: number) => Math.max(1, Math.ceil(bytes / 1024))
  const reads = (bytes: number) => Math.max(1, Math.ceil(bytes / 4096))

  /** Items of a write, with what they were; after it the larger of both counts, and each index that it changes. */
  function write(pks: string[], factor: number, send: () => Promise<object>): Promise<object> {
    const before = pks.map(pk => table.items.get(pk))
    const count = () => {
      for (const [index, pk] of pks.entries()) {
        const after = table.items.get(pk)
        use('write', pk, factor * writes(Math.max(sizeOf(before[index]), sizeOf(after))))
        for (const each of Object.values(INDEX)) {
          const [was, is] = [before[index], after].map(item =>
            item?.[each.partition] && item[each.sort] ? (item as Item) : undefined,
          )
          const same = was && is && was[each.partition] === is[each.partition] && was[each.sort] === is[each.sort]
          if (same) continue
          for (const item of [was, is]) if (item) use('write', `${each.name} ${item[each.partition]}`, 1)
        }
      }
    }
    return send().finally(count)
  }

  const { client } = table
  const plain = client.send.bind(client) as (command: object) => Promise<object>
  const send = async (command: object): Promise<object> => {
    capacity.requests++
    if (command instanceof UpdateCommand || command instanceof DeleteCommand)
      return write([String(command.input.Key?.pk)], 1, () => plain(command))
    if (command instanceof PutCommand) return write([String(command.input.Item?.pk)], 1, () => plain(command))
    if (command instanceof TransactWriteCommand) {
      const pks = (command.input.TransactItems ?? []).map(each => {
        const action = each.Update ?? each.Delete ?? each.ConditionCheck
        return String(each.Put?.Item?.pk ?? action?.Key?.pk)
      })
      return write(pks, 2, () => plain(command))
    }
    const answer = await plain(command)
    if (command instanceof GetCommand) {
      const pk = String(command.input.Key?.pk)
      use('read', pk, reads(sizeOf(table.items.get(pk))))
    }
    if (command instanceof BatchGetCommand)
      for (const { Keys = [] } of Object.values(command.input.RequestItems ?? {}))
        for (const { pk } of Keys) use('read', String(pk), reads(sizeOf(table.items.get(String(pk)))))
    if (command instanceof QueryCommand) {
      const bytes = (answer as { Items?: Item[] }).Items?.reduce((sum, item) => sum + sizeOf(item), 0) ?? 0
      const partition = Object.values(command.input.ExpressionAttributeValues ?? {})[0]
      use('read', `${command.input.IndexName} ${partition}`, reads(bytes) / 2)
    }
    return answer
  }
  Object.assign(client, { send })
  return capacity
}

/** Bytes of names and values, as DynamoDB counts them, about. */
function sizeOf(value: unknown): number {
  if (value === undefined || value === null) return 0
  if (typeof value === 'string') return value.length
  if (value instanceof Set) return [...value].reduce((sum: number, each) => sum + sizeOf(each) + 1, 3)
  if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + sizeOf(each) + 1, 3)
  if (typeof value === 'object')
    return Object.entries(value).reduce((sum, [name, each]) => sum + name.length + sizeOf(each) + 1, 3)
  return 8
}
