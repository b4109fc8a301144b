/**
 * The docs' origin. dbt's pages are a stranger's: what opens them is a cookie of this host alone, which their scripts cannot read
 * and which opens nothing else: it holds a token of another app client than that of the pages.
 */
import { KEY, RUN_ID_PATTERN } from '../../shared/contract.ts'
import { DOCS_HEADERS } from '../../shared/page-headers.ts'
import {
  cacheOfDocs,
  DOCS_GONE,
  type DocsPlace,
  docsNotice,
  docsPath,
  NO_DOCS_YET,
  parseDocsPath,
  typeOfFile,
} from '../../shared/page-objects.ts'
import { SITE_CALLBACK, SITE_SIGNED_OUT } from '../../shared/resource-names.ts'
import type { Reply, SiteRequest } from './http.ts'
import type { SendObject } from './objects.ts'
import { begin, complete, end, forgetSignIn, redirect, SIGN_IN, SIGN_OUT, type SignIn, type SignInDeps } from './sign-in.ts'
import { checkToken } from './token.ts'

export interface DocsDeps extends SignInDeps {
  site: SignIn
  /** Origin of the pages. */
  pages: string
  sendObject: SendObject
  /** Text of a pointer; undefined: there is none. */
  readPointer(key: string): Promise<string | undefined>
}

const COOKIE = '__Host-tidemill-docs'
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Lax'
const forgetSession = `${COOKIE}=; Max-Age=0; ${ATTRIBUTES}`

export async function answerDocs(deps: DocsDeps, request: SiteRequest): Promise<Reply> {
  const { path, method, headers } = request
  if (path === SIGN_IN) return begin(deps.site, deps, request.query.get('to') ?? '/')
  if (path === SITE_CALLBACK) return welcome(deps, request)
  if (path === SIGN_OUT) return end(deps.site, deps.pages + SITE_SIGNED_OUT, [forgetSession])
  if (method !== 'GET' && method !== 'HEAD') return notice(405, 'Docs are only read.')
  const identity = await checkToken(request.cookies.get(COOKIE) ?? '', deps.site, deps.keys, deps.now())
  if (!identity)
    return headers['sec-fetch-dest'] === 'document'
      ? redirect(`${SIGN_IN}?to=${encodeURIComponent(path)}`)
      : notice(401, 'You are not signed in, or no longer.', 'Open the docs again.')
  if (!identity.role)
    return notice(403, 'You are in none of the groups viewer, operator and admin.', 'Ask whoever administers the user pool.')
  const place = parseDocsPath(path)
  return place
    ? answerPlace(deps, place, request)
    : notice(404, 'Docs have addresses of the form /<project>/<environment>/current/.')
}

async function answerPlace({ sendObject, readPointer }: DocsDeps, place: DocsPlace, request: SiteRequest): Promise<Reply> {
  const { project, environment, run, file } = place
  if (run === 'current' || file.length === 0) {
    // The page asks for the rest by relative addresses: from here on all of it comes from one run.
    const named = run === 'current' ? runOf(await readPointer(KEY.docsPointer(project, environment))) : run
    if (!named) return notice(404, `There are no docs of ${project}/${environment} yet.`, NO_DOCS_YET)
    return redirect(docsPath(project, environment, named) + file.map(encodeURIComponent).join('/'))
  }
  const name = file.join('/') || 'index.html'
  const headers = { ...DOCS_HEADERS, 'content-type': typeOfFile(name), 'cache-control': cacheOfDocs(place) }
  const found = await sendObject(KEY.docs(project, environment, run) + name, request, headers)
  return found ?? notice(404, `The docs of run ${run} in ${project}/${environment} have no ${name}.`, DOCS_GONE)
}

async function welcome({ site, ...deps }: DocsDeps, request: SiteRequest): Promise<Reply> {
  const signed = await complete(site, deps, request)
  if ('status' in signed) return notice(signed.status, signed.message, signed.hint)
  return redirect(signed.to, [`${COOKIE}=${signed.token}; Max-Age=3600; ${ATTRIBUTES}`, forgetSignIn])
}

function runOf(pointer: string | undefined): string | undefined {
  try {
    const run: unknown = Reflect.get(Object(JSON.parse(pointer ?? '')), 'run')
    return typeof run === 'string' && RUN_ID_PATTERN.test(run) ? run : undefined
  } catch {
    return undefined
  }
}

const notice = (status: number, message: string, hint?: string): Reply => ({
  status,
  headers: { ...DOCS_HEADERS, 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
  body: docsNotice(message, hint),
})
