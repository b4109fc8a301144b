/**
 * The docs' origin. dbt's pages are a stranger's: what opens them is a cookie of this host alone, which their scripts cannot read
 * and which opens nothing else: it holds a token of another app client than that of the pages.
 */
import { findDocs } from '../../shared/docs-site.ts'
import { parsePointer } from '../../shared/pointer.ts'
import { SITE_CALLBACK, SITE_SIGNED_OUT } from '../../shared/resource-names.ts'
import type { Reply, SiteRequest } from './http.ts'
import type { SendObject } from './objects.ts'
import {
  begin,
  complete,
  end,
  forgetSignIn,
  notice,
  redirect,
  SIGN_IN,
  SIGN_OUT,
  type SignIn,
  type SignInDeps,
} from './sign-in.ts'
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
/** Characters of a value: browsers drop a cookie of more than 4096 bytes without a word, and the sign-in would go round for ever. */
const MAX_COOKIE = 4000
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
    // The next look signs in again, perhaps with a group.
    return notice(
      {
        status: 403,
        message: 'You are in none of the groups viewer, operator and admin.',
        hint: 'Ask whoever administers the user pool to put you into one, then open the docs again.',
      },
      [forgetSession],
    )
  const found = await findDocs(path, deps.site.origin, async key => parsePointer((await deps.readPointer(key)) ?? ''))
  if ('to' in found) return redirect(found.to)
  if (!('key' in found)) return notice(found)
  return (await deps.sendObject(found.key, request, found.headers)) ?? notice(found.missing)
}

async function welcome({ site, ...deps }: DocsDeps, request: SiteRequest): Promise<Reply> {
  const signed = await complete(site, deps, request)
  if ('status' in signed) return notice(signed)
  if (signed.token.length > MAX_COOKIE)
    return notice({
      status: 403,
      message: `What the sign-in says of you has ${signed.token.length} characters, and a cookie holds ${MAX_COOKIE}.`,
      hint: 'Have the directory tell only the groups of these pages; the pages themselves open all the same.',
    })
  return redirect(signed.to, [`${COOKIE}=${signed.token}; Max-Age=3600; ${ATTRIBUTES}`, forgetSignIn])
}
