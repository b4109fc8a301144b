/** The global secondary indexes of the table in memory: keys only. */
import { INDEX } from '../../shared/contract.ts'
import type { Item } from './memory-condition.ts'

export type Entry = Item & { pk: string }

export function makeIndexes() {
  const indexes = Object.values(INDEX).map(({ name, partition, sort }) => ({
    name: name as string,
    partition: partition as string,
    sort: sort as string,
    /** Partition to item to entry. */
    entries: new Map<string, Map<string, Entry>>(),
    placeOf: new Map<string, string>(),
  }))
  return {
    update(pk: string, item: Item | undefined): void {
      for (const { partition, sort, entries, placeOf } of indexes) {
        const place = placeOf.get(pk)
        const [now, by] = [item?.[partition], item?.[sort]]
        const wanted = typeof now === 'string' && typeof by === 'string' ? now : undefined
        if (place !== undefined && place !== wanted) entries.get(place)?.delete(pk)
        if (wanted === undefined) {
          if (place !== undefined) placeOf.delete(pk)
          continue
        }
        placeOf.set(pk, wanted)
        const inPlace = entries.get(wanted) ?? new Map<string, Entry>()
        inPlace.set(pk, { pk, [partition]: wanted, [sort]: by })
        entries.set(wanted, inPlace)
      }
    },
    partition(index: string, attribute: string, value: string): { entries: Entry[]; sort: string } {
      const found = indexes.find(each => each.name === index && each.partition === attribute)
      if (!found) throw new Error(`no index "${index}" has the partition ${attribute}`)
      return { entries: [...(found.entries.get(value)?.values() ?? [])], sort: found.sort }
    },
  }
}
