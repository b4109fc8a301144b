/** What the pages ask besides objects: who is looking, what is open, one run, and the operations. */
import type { ApiRequest, ApiResponse } from '../shared/api.ts'
import { KEY, openKey, PK, RUN_ID_PATTERN, SHARDS } from '../shared/contract.ts'
import { UserError } from '../shared/errors.ts'
import { type Me, mayAct, type OpenRuns, PARTS_PER_ANSWER, type PageError, type PartList, type Role } from '../shared/page-api.ts'
import type { RunRecord } from '../shared/run.ts'
import type { Connection } from './connection.ts'
import type { Clock } from './effects.ts'
import { parseRecord } from './record.ts'

export interface UiRequest {
  method: string
  url: URL
  body(): Promise<string>
}
export interface UiApi {
  answer(request: UiRequest): Promise<{ value: unknown } | PageError>
}
/** Of {@link Me}, what does not change while the program runs. */
export type Viewer = Omit<Me, 'config'>

/** The page shows no more of them; a line of waiting runs can be longer. */
const MOST_OPEN = 500

export function makeUiApi(connection: Connection, viewer: Viewer, clock: Clock): UiApi {
  /** Where the objects of runs are: asked for again and again while a run is followed. */
  const places = new Map<string, RunRecord>()
  return {
    async answer({ method, url, body }) {
      const [, , what = '', id = '', attempt = ''] = url.pathname.split('/')
      if (what === 'actions') return method === 'POST' ? act(connection, viewer.role, await body()) : ONLY_POST
      if (method !== 'GET') return ONLY_GET
      switch (what) {
        case 'me':
          return { value: { ...viewer, config: await connection.configKey() } satisfies Me }
        case 'open':
          return { value: await readOpen(connection, clock) }
        case 'runs':
          return answerRun(await readRun(connection, id), id)
        case 'parts': {
          const run = places.get(id) ?? (await readRun(connection, id))
          if (!run) return noRun(id)
          if (places.size > 100) places.clear()
          places.set(id, run)
          return { value: await listParts(connection, run, attempt, url.searchParams.get('after') ?? '0') }
        }
        default:
          return { status: 404, message: `There is nothing at ${url.pathname.slice(0, 200)}.` }
      }
    },
  }
}

const ONLY_POST: PageError = { status: 405, message: 'Operations are asked for with POST.' }
const ONLY_GET: PageError = { status: 405, message: 'This is only read.' }
const noRun = (id: string): PageError => ({
  status: 404,
  message: `There is no run ${id.slice(0, 100)} in this installation.`,
  hint: 'Run ids look like 20261122T010004-9f3ac2d1b7e4.',
})
const answerRun = (run: RunRecord | undefined, id: string) => (run ? { value: run } : noRun(id))

const readRun = async ({ table }: Connection, id: string) =>
  RUN_ID_PATTERN.test(id) ? parseRecord(await table.get(PK.run(id))) : undefined

/** Those that run or wait, and those that have ended and are not in the history yet. */
async function readOpen({ table }: Connection, clock: Clock): Promise<OpenRuns> {
  const at = clock.now().toISOString()
  const shards = await Promise.all(Array.from({ length: SHARDS }, (_, shard) => table.open(openKey(shard))))
  const runs = shards
    .flat()
    .filter(({ pk }) => pk.startsWith(PK.run('')))
    // By their phase: ended, running, waiting.
    .sort((a, b) => (a.sort < b.sort ? -1 : 1))
    .slice(0, MOST_OPEN)
  const records = (await table.getMany(runs.map(({ pk }) => pk))).flatMap(item => parseRecord(item) ?? [])
  return { at, runs: records.sort((a, b) => (a.id < b.id ? 1 : -1)) }
}

async function listParts({ bucket }: Connection, run: RunRecord, attempt: string, after: string): Promise<PartList> {
  if (!/^[1-9]\d{0,3}$/.test(attempt) || !/^\d{1,9}$/.test(after)) throw new UserError('Attempt and part are numbers.')
  const prefix = KEY.attempt(run, Number(attempt))
  const found = await bucket.list(`${prefix}parts/`, { after: KEY.part(prefix, Number(after)), limit: PARTS_PER_ANSWER })
  return { keys: found.map(({ key }) => key) }
}

async function act(connection: Connection, role: Role, body: string): Promise<{ value: ApiResponse } | PageError> {
  const request = parseRequest(body)
  if (!mayAct(role, request.operation)) return { status: 403, message: 'You may look here, and not act.', hint: NOT_ACTING }
  const response = await connection.api(request)
  return response.ok ? { value: response } : response
}

const NOT_ACTING = 'It takes credentials with the operator policy, and `tidemill ui` without --no-actions.'

/** Only that it names an operation: the api function checks the rest, as it does for the command line. */
function parseRequest(body: string): ApiRequest {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    throw new UserError('The request is not JSON.')
  }
  const operation = typeof value === 'object' && value !== null ? Reflect.get(value, 'operation') : undefined
  if (typeof operation === 'string') return value as ApiRequest
  throw new UserError('The request names no operation.')
}
