/** What the pages ask besides objects (page-api.ts): who is looking, what is open, one run, its log, the history, and the operations. */
import type { ApiRequest, ApiResponse } from './api.ts'
import { KEY } from './contract.ts'
import { UserError } from './errors.ts'
import { nextFirings } from './job-firings.ts'
import { type JobAnswer, type Me, MOST_NEXT, PARTS_PER_ANSWER, type PageError, type PartList } from './page-api.ts'
import { jobDeeds } from './page-deeds.ts'
import { findPausable, type Pausable, readOpen, readPauses } from './page-open.ts'
import { answerPast } from './page-past.ts'
import { readProgress } from './page-progress.ts'
import type { PageReads } from './page-reads.ts'
import { mayAct } from './page-roles.ts'
import { readRun, readRunAnswer } from './page-run.ts'
import type { RunRecord } from './run.ts'

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

export function makePageAnswers(reads: PageReads, now: () => Date): PageAnswers {
  /** Where the objects of runs are: asked for again and again while a run is followed. */
  const places = new Map<string, RunRecord>()
  /** Primary keys of what can be paused, by the configuration that was in force when a page was opened last. */
  let pausable: Promise<Pausable> | undefined
  const findPauses = async () => {
    pausable ??= findPausable(reads)
    const known = await pausable.catch(() => (pausable = undefined))
    return known && readPauses(reads, known)
  }
  return {
    async answer({ method, path, query, body }, { act, ...viewer }) {
      const [, , what = '', id = '', attempt = ''] = path.split('/')
      if (what === 'actions') return method === 'POST' ? perform(act, viewer, await body()) : ONLY_POST
      if (method !== 'GET') return ONLY_GET
      switch (what) {
        case 'me':
          pausable = undefined
          return { value: { ...viewer, config: await reads.configKey() } satisfies Me }
        case 'open':
          return { value: await readOpen(reads, findPauses(), now()) }
        case 'jobs': {
          const job = (await reads.config(await reads.configKey())).jobs[`${id}/${attempt}`]
          if (!job) return { status: 404, message: 'The configuration has no such job.' }
          const deeds = jobDeeds(job, viewer.command, await findPauses())
          return { value: { next: nextFirings(job, now(), MOST_NEXT), deeds } satisfies JobAnswer }
        }
        case 'runs': {
          const run = await readRunAnswer(reads, id, viewer.command)
          return run ? { value: run } : noRun(id)
        }
        case 'parts':
        case 'progress': {
          const run = places.get(id) ?? (await readRun(reads, id))
          if (!run) return noRun(id)
          if (places.size > 100) places.clear()
          places.set(id, run)
          const [number, after] = [numberOf(attempt, 1), numberOf(query.get('after') ?? '0', 0)]
          return {
            value: what === 'parts' ? await listParts(reads, run, number, after) : await readProgress(reads, run, number, after),
          }
        }
        default:
          return answerOf(await answerPast({ reads, now }, path.split('/').slice(2), query), path)
      }
    },
  }
}

const ONLY_POST: PageError = { status: 405, message: 'Operations are asked for with POST.' }
const ONLY_GET: PageError = { status: 405, message: 'This is only read.' }
const answerOf = (value: unknown, path: string) =>
  value === undefined ? { status: 404 as const, message: `There is nothing at ${path.slice(0, 200)}.` } : { value }
const noRun = (id: string): PageError => ({
  status: 404,
  message: `There is no run ${id.slice(0, 100)} in this installation.`,
  hint: 'It may be older than the time that runs are kept (`retention` in tidemill.yml). Run ids look like 20261122T010004-9f3ac2d1b7e4.',
})

function numberOf(text: string, least: number): number {
  if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text)
  throw new UserError('Attempt and part are numbers.')
}

async function listParts(reads: PageReads, run: RunRecord, attempt: number, after: number): Promise<PartList> {
  const prefix = KEY.attempt(run, attempt)
  return { keys: await reads.keys(`${prefix}parts/`, KEY.part(prefix, after), PARTS_PER_ANSWER) }
}

async function perform(
  act: Viewer['act'],
  { role, signOut }: Pick<Viewer, 'role' | 'signOut'>,
  body: string,
): Promise<{ value: ApiResponse } | PageError> {
  const request = parseRequest(body)
  if (!mayAct(role, request.operation))
    return {
      status: 403,
      message: `You look here as ${role}, which does not include this operation.`,
      hint: signOut
        ? 'Ask whoever administers the user pool to put you into another group, then sign in again.'
        : 'It takes the operator policy, and `tidemill ui` without --no-actions.',
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
