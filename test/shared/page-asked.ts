import type { Config } from '../../shared/config-model.ts'
import { makePageAnswers, type Viewer } from '../../shared/page-answers.ts'
import type { NodeHistory, SourceHistory } from '../../shared/page-api.ts'
import type { RunRecord } from '../../shared/run.ts'
import { itemOfRun } from '../../shared/run-item.ts'
import { pieceOf } from '../fakes/objects.ts'

export const CONFIG_KEY = 'config/in-force.json'

interface Over {
  late?: number
  /** In the table. */
  runs?: readonly RunRecord[]
}

const fails = async () => {
  throw new Error('not expected')
}

/** Questions of the pages over objects in memory. `late`: milliseconds that the clock goes on with each read. */
export function askOver(objects: ReadonlyMap<string, Uint8Array | string>, now: Date, { late = 0, runs = [] }: Over = {}) {
  const reads: string[] = []
  let clock = now.getTime()
  const answers = makePageAnswers(
    {
      item: async pk => runs.map(itemOfRun).find(item => item.pk === pk),
      items: async pks => runs.map(itemOfRun).filter(item => pks.includes(String(item.pk))),
      open: async partition =>
        runs
          .map(itemOfRun)
          .flatMap(item => (item.openKey === partition ? [{ pk: String(item.pk), sort: String(item.openSort) }] : [])),
      configKey: async () => CONFIG_KEY,
      config: async key => JSON.parse(String(objects.get(key))) as Config,
      deployments: async () => [],
      keys: async (prefix, after, limit) =>
        [...objects.keys()]
          .filter(key => key.startsWith(prefix) && key > after)
          .sort()
          .slice(0, limit),
      async bytes(key, part) {
        reads.push(key)
        clock += late
        const object = objects.get(key)
        return object === undefined ? undefined : pieceOf(Buffer.from(object), part)
      },
    },
    () => new Date(clock),
  )
  const ask = async (path: string) => {
    const url = new URL(path, 'http://localhost')
    const asked = { method: 'GET', path: url.pathname, query: url.searchParams, body: fails }
    const found = await answers.answer(asked, { command: 'tidemill' } as Viewer)
    if ('status' in found) throw Object.assign(new Error(found.message), { status: found.status })
    return found.value
  }
  const parquets = () => reads.filter(key => key.endsWith('.parquet'))
  return {
    reads,
    parquets,
    node: async (id: string, days = 30, place = 'shop/prod') =>
      (await ask(`/api/nodes/${place}?id=${encodeURIComponent(id)}&days=${days}`)) as NodeHistory,
    sources: async () => (await ask('/api/sources')) as SourceHistory,
    ask,
  }
}
