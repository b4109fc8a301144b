/**
 * The docs' origin. dbt's pages are a stranger's: what opens them is a cookie of this host alone, which their scripts cannot read
 * and which opens nothing else: it holds a token of another app client than that of the pages.
 */
import { type DocsNotice, docsNotice, findDocs, NOTICE_HEADERS } from '../../shared/docs-site.ts'
import { parsePointer } from '../../shared/pointer.ts'
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
  if (method !== 'GET' && method !== 'HEAD') return notice({ status: 405, message: 'Docs are only read.' })
  const identity = await checkToken(request.cookies.get(COOKIE) ?? '', deps.site, deps.keys, deps.now())
  if (!identity)
    return headers['sec-fetch-dest'] === 'document'
      ? redirect(`${SIGN_IN}?to=${encodeURIComponent(path)}`)
      : notice({ status: 401, message: 'You are not signed in, or no longer.', hint: 'Open the docs again.' })
  if (!identity.role)
    return notice({
      status: 403,
      message: 'You are in none of the groups viewer, operator and admin.',
      hint: 'Ask whoever administers the user pool.',
    })
  const found = await findDocs(path, deps.site.origin, async key => parsePointer((await deps.readPointer(key)) ?? ''))
  if ('to' in found) return redirect(found.to)
  if (!('key' in found)) return notice(found)
  return (await deps.sendObject(found.key, request, found.headers)) ?? notice(found.missing)
}

async function welcome({ site, ...deps }: DocsDeps, request: SiteRequest): Promise<Reply> {
  const signed = await complete(site, deps, request)
  if ('status' in signed) return notice(signed)
  return redirect(signed.to, [`${COOKIE}=${signed.token}; Max-Age=3600; ${ATTRIBUTES}`, forgetSignIn])
}

const notice = (why: DocsNotice): Reply => ({ status: why.status, headers: NOTICE_HEADERS, body: docsNotice(why) })
