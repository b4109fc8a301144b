/**
 * The pages' origin. The application's files are for everybody: there is nothing in them. Data, questions and operations want the
 * token of the sign-in in a header, which no other origin can send, and it is checked on every call.
 */
import { gzipSync } from 'node:zlib'
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
import { UserError } from '../../shared/errors.ts'
import type { PageAnswers } from '../../shared/page-answers.ts'
import { isPageKey, type Me, type PageError, pageAddress, SIGNED_OUT, TOKEN_HEADER } from '../../shared/page-api.ts'
import { DATA_HEADERS, PAGE_HEADERS } from '../../shared/page-headers.ts'
import { accepts, cacheOfData, packedFor, typeOfData } from '../../shared/page-objects.ts'
import type { Role } from '../../shared/page-roles.ts'
import { SITE_CALLBACK, SITE_SIGNED_OUT } from '../../shared/resource-names.ts'
import type { PageFile } from './files.ts'
import type { Reply, SiteRequest } from './http.ts'
import type { SendObject } from './objects.ts'
import { begin, complete, forgetSignIn, notice, redirect, SIGN_IN, SIGN_OUT, type SignIn, type SignInDeps } from './sign-in.ts'
import { checkToken } from './token.ts'

export interface PagesDeps extends SignInDeps {
  site: SignIn
  answers: PageAnswers
  sendObject: SendObject
  /** Of the application, by path; `/` is index.html. */
  files: Map<string, PageFile>
  about: Pick<Me, 'installation' | 'docs' | 'command' | 'version'>
  /** Asks the api function in somebody's name. */
  act(actor: string, request: ApiRequest): Promise<ApiResponse>
}

export async function answerPages(deps: PagesDeps, request: SiteRequest): Promise<Reply> {
  const { path, method } = request
  if (path === SIGN_IN) return begin(deps.site, deps, request.query.get('to') ?? '/runs')
  if (path === SITE_CALLBACK) return welcome(deps, request)
  if (path === SIGN_OUT) return redirect(deps.about.docs + SIGN_OUT)
  if (path === SITE_SIGNED_OUT) return redirect(pageAddress(deps.site.origin, SIGNED_OUT))
  const isData = path.startsWith('/data/')
  if (!isData && !path.startsWith('/api/')) return answerFile(deps, request)
  const viewer = await identify(deps, request)
  if ('status' in viewer) return refuse(viewer)
  if (isData) return method === 'GET' || method === 'HEAD' ? answerData(deps, request) : refuse(NOT_READ)
  const asked = { method, path, query: request.query, body: async () => request.body }
  const { actor, role } = viewer
  const named = { ...deps.about, actor, role, signOut: SIGN_OUT, act: (wanted: ApiRequest) => deps.act(actor, wanted) }
  const found = await deps.answers.answer(asked, named).catch((error: unknown): PageError => {
    if (error instanceof UserError) return { status: 400, message: error.message }
    throw error
  })
  return 'status' in found ? refuse(found) : packed(json(200, found.value), request.headers['accept-encoding'])
}

/** The token is handed to the page in the fragment, which goes to no server. */
async function welcome({ site, ...deps }: PagesDeps, request: SiteRequest): Promise<Reply> {
  const end = await complete(site, deps, request)
  return 'status' in end ? notice(end) : redirect(pageAddress(site.origin, end.to, end.token), [forgetSignIn])
}

interface Signed {
  actor: string
  role: Role
}

async function identify(deps: PagesDeps, { headers }: SiteRequest): Promise<Signed | PageError> {
  const { origin } = deps.site
  const site = headers['sec-fetch-site']
  if ((headers.origin !== undefined && headers.origin !== origin) || (site !== undefined && site !== 'same-origin'))
    return { status: 403, message: 'The request comes from another page.' }
  const identity = await checkToken(headers[TOKEN_HEADER] ?? '', deps.site, deps.keys, deps.now())
  if (!identity) return { status: 401, message: 'You are not signed in, or no longer.', hint: 'Sign in again.', signIn: SIGN_IN }
  const { actor, role } = identity
  if (role) return { actor, role }
  return {
    status: 403,
    message: `You are signed in as ${actor.replace(/^site:/, '')}, who is in none of the groups viewer, operator and admin.`,
    hint: 'Ask whoever administers the user pool to put you into one, then sign in again.',
    signIn: SIGN_IN,
    signOut: SIGN_OUT,
  }
}

async function answerData({ sendObject }: PagesDeps, request: SiteRequest): Promise<Reply> {
  const key = decode(request.path.slice('/data/'.length))
  const headers = { ...DATA_HEADERS, 'content-type': typeOfData(key), 'cache-control': cacheOfData(key) }
  const found = isPageKey(key) ? await sendObject(key, request, headers) : undefined
  return found ?? refuse({ status: 404, message: `There is no ${key.slice(0, 300)}.` })
}

function answerFile({ files }: PagesDeps, { path, method, headers }: SiteRequest): Reply {
  const file = files.get(path)
  if (!file) return refuse({ status: 404, message: `There is no page ${path.slice(0, 200)}.` })
  if (method !== 'GET' && method !== 'HEAD') return refuse(NOT_READ)
  const cache = file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache'
  const head = { ...PAGE_HEADERS, 'content-type': file.type, 'cache-control': cache, vary: 'accept-encoding' }
  const { body, encoding } = packedFor(headers['accept-encoding'], file)
  return { status: 200, headers: { ...head, ...(encoding && { 'content-encoding': encoding }) }, body }
}

const NOT_READ: PageError = { status: 405, message: 'This is only read.' }
const refuse = (error: PageError): Reply => json(error.status, error)
const json = (status: number, value: unknown) => ({
  status,
  headers: { ...DATA_HEADERS, 'content-type': 'application/json', 'cache-control': 'no-store' },
  body: JSON.stringify(value),
})

/** An answer of the history may be a megabyte; what fits into a packet is not worth it. */
function packed(reply: Reply & { body: string }, accepted: string | undefined): Reply {
  const headers = { ...reply.headers, vary: 'accept-encoding' }
  if (reply.body.length < 1400 || !accepts(accepted, 'gzip')) return { ...reply, headers }
  return { ...reply, headers: { ...headers, 'content-encoding': 'gzip' }, body: gzipSync(reply.body) }
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return ''
  }
}
