/** What the pages ask besides objects (page-api.ts): who is looking, what is open, one run, its log, the past of nodes and sources, and the operations. */
import type { ApiRequest, ApiResponse } from './api.ts'
import type { Config } from './config-model.ts'
import { KEY, openKey, PK, RUN_ID_PATTERN, SHARDS } from './contract.ts'
import { parseDeployment } from './deployment.ts'
import { UserError } from './errors.ts'
import { HISTORY_KEY, type HistoryIndex } from './history-index.ts'
import {
  type Deployments,
  type Me,
  MOST_DEPLOYMENTS,
  mayAct,
  type NodeHistory,
  type OpenRuns,
  PARTS_PER_ANSWER,
  type PageError,
  type PartList,
  type Pause,
  type Role,
  SOURCE_DAYS,
  type SourceHistory,
} from './page-api.ts'
import { readPage } from './page-history.ts'
import { type NodePlace, readNode } from './page-nodes.ts'
import { readSources, type SourceReads } from './page-sources.ts'
import { parseRecord } from './parse-record.ts'
import type { RunRecord } from './run.ts'

/** An installation as the pages see it. */
export interface PageReads extends SourceReads {
  item(pk: string): Promise<unknown>
  items(pks: string[]): Promise<unknown[]>
  /** All of a partition of the open index. */
  open(partition: string): Promise<{ pk: string; sort: string }[]>
  /** Key of the configuration in force. */
  configKey(): Promise<string>
  config(key: string): Promise<Config>
  /** Primary keys of the newest deployments. */
  deployments(limit: number): Promise<string[]>
}

export interface Asked {
  method: string
  /** `/api/…`, without the query. */
  path: string
  query: { get(name: string): string | null }
  body(): Promise<string>
}

/** Who asks: {@link Me} without what is looked up, and a call of the api in their name. */
export interface Viewer extends Omit<Me, 'config'> {
  act(request: ApiRequest): Promise<ApiResponse>
}

export interface PageAnswers {
  answer(asked: Asked, viewer: Viewer): Promise<{ value: unknown } | PageError>
}

/** The page shows no more of them; a line of waiting runs can be longer. */
const MOST_OPEN = 500

export function makePageAnswers(reads: PageReads, now: () => Date): PageAnswers {
  /** Where the objects of runs are: asked for again and again while a run is followed. */
  const places = new Map<string, RunRecord>()
  /** Primary keys of what can be paused, by the configuration that was in force when a page was opened last. */
  let pausable: Promise<Pausable> | undefined
  return {
    async answer({ method, path, query, body }, { act, ...viewer }) {
      const [, , what = '', id = '', attempt = ''] = path.split('/')
      if (what === 'actions') return method === 'POST' ? perform(act, viewer.role, await body()) : ONLY_POST
      if (method !== 'GET') return ONLY_GET
      switch (what) {
        case 'me':
          pausable = undefined
          return { value: { ...viewer, config: await reads.configKey() } satisfies Me }
        case 'open':
          pausable ??= findPausable(reads)
          return { value: await readOpen(reads, await pausable.catch(() => (pausable = undefined)), now()) }
        case 'deployments':
          return { value: await readDeployments(reads) }
        case 'runs':
          return answerRun(await readRun(reads, id), id)
        case 'parts': {
          const run = places.get(id) ?? (await readRun(reads, id))
          if (!run) return noRun(id)
          if (places.size > 100) places.clear()
          places.set(id, run)
          return { value: await listParts(reads, run, attempt, query.get('after') ?? '0') }
        }
        case 'nodes':
          return answerNode(reads, now, { project: id, environment: attempt, uniqueId: query.get('id') ?? '' }, query.get('days'))
        case 'sources': {
          const index = await readIndex(reads)
          return { value: index ? await readSources(reads, index, within(now, SOURCE_DAYS)) : NO_SOURCES }
        }
        default:
          return { status: 404, message: `There is nothing at ${path.slice(0, 200)}.` }
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

const readRun = async (reads: PageReads, id: string) =>
  RUN_ID_PATTERN.test(id) ? parseRecord(await reads.item(PK.run(id))) : undefined

/** Those that run or wait, and those that have ended and are not in the history yet. */
async function readOpen(reads: PageReads, pausable: Pausable | undefined, now: Date): Promise<OpenRuns> {
  const shards = await Promise.all(Array.from({ length: SHARDS }, (_, shard) => reads.open(openKey(shard))))
  const runs = shards
    .flat()
    .filter(({ pk }) => pk.startsWith(PK.run('')))
    // By their phase: ended, running, waiting.
    .sort((a, b) => (a.sort < b.sort ? -1 : 1))
    .slice(0, MOST_OPEN)
  const [items, paused] = await Promise.all([reads.items(runs.map(({ pk }) => pk)), pausable && readPauses(reads, pausable)])
  const records = items.flatMap(item => parseRecord(item) ?? [])
  return { at: now.toISOString(), runs: records.sort((a, b) => (a.id < b.id ? 1 : -1)), ...(paused && { paused }) }
}

type Pausable = Map<string, Pick<Pause, 'of' | 'name'>>

async function findPausable(reads: PageReads): Promise<Pausable> {
  const { jobs, environments } = await reads.config(await reads.configKey())
  return new Map<string, Pick<Pause, 'of' | 'name'>>([
    ...Object.keys(jobs).map(name => [PK.job(name), { of: 'job', name }] as const),
    ...Object.keys(environments).map(name => [PK.environment(name), { of: 'environment', name }] as const),
  ])
}

async function readPauses(reads: PageReads, pausable: Pausable): Promise<Pause[]> {
  return (await reads.items([...pausable.keys()])).flatMap(item => {
    const { pk, paused } = Object(item) as { pk: string; paused?: unknown }
    const { at, actor } = Object(paused) as Record<string, unknown>
    const what = pausable.get(pk)
    return what && typeof at === 'string' ? [{ ...what, at, actor: String(actor) }] : []
  })
}

async function readDeployments(reads: PageReads): Promise<Deployments> {
  const items = await reads.items(await reads.deployments(MOST_DEPLOYMENTS))
  const deployments = items.flatMap(item => parseDeployment(item) ?? []).sort((a, b) => (a.id < b.id ? 1 : -1))
  return { deployments: deployments.map(({ hash, at, since }) => ({ config: KEY.config(hash), from: since ?? at })) }
}

async function listParts(reads: PageReads, run: RunRecord, attempt: string, after: string): Promise<PartList> {
  if (!/^[1-9]\d{0,3}$/.test(attempt) || !/^\d{1,9}$/.test(after)) throw new UserError('Attempt and part are numbers.')
  const prefix = KEY.attempt(run, Number(attempt))
  return { keys: await reads.keys(`${prefix}parts/`, KEY.part(prefix, Number(after)), PARTS_PER_ANSWER) }
}

/** Undefined: no run has ended yet. */
const readIndex = (reads: PageReads) => readPage<HistoryIndex>(reads, HISTORY_KEY.index)
const NO_SOURCES: SourceHistory = { sources: [] }
const NO_RUNS: NodeHistory = { runs: [] }

/** Milliseconds after which no more files of the history are opened. */
const PATIENCE = 20_000

function within(now: () => Date, days: number) {
  const end = now().getTime() + PATIENCE
  const since = new Date(now().getTime() - days * 86_400_000).toISOString().slice(0, 10)
  return { since, isOver: () => now().getTime() > end }
}

async function answerNode(reads: PageReads, now: () => Date, place: NodePlace, days: string | null) {
  const { project, environment, uniqueId } = place
  const isName = (name: string) => /^[\w.-]{1,100}$/.test(name)
  if (!isName(project) || !isName(environment) || uniqueId === '' || uniqueId.length > 1000)
    throw new UserError('A node is asked for as /api/nodes/<project>/<environment>?id=<its id in dbt>.')
  const back = Number(days ?? 30)
  if (!Number.isInteger(back) || back < 1 || back > 366) throw new UserError('Days are a number from 1 to 366.')
  const index = await readIndex(reads)
  return { value: index ? await readNode(reads, index, place, within(now, back)) : NO_RUNS }
}

async function perform(act: Viewer['act'], role: Role, body: string): Promise<{ value: ApiResponse } | PageError> {
  const request = parseRequest(body)
  if (!mayAct(role, request.operation))
    return {
      status: 403,
      message: `You look here as ${role}, which does not include this operation.`,
      hint: 'In `tidemill ui`: the operator policy, and no --no-actions. On the hosted pages: a group, given by an administrator.',
    }
  const response = await act(request)
  return response.ok ? { value: response } : response
}

/** Only that it names an operation that there is: the api function checks the rest, as it does for the command line. */
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
