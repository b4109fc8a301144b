/** Sign-in by Cognito's own page: an authorization code with PKCE, bound to the browser that asked for it by a short-lived cookie. */
import { createHash } from 'node:crypto'
import { type DocsNotice, docsNotice, NOTICE_HEADERS } from '../../shared/docs-site.ts'
import type { PageError } from '../../shared/page-api.ts'
import { DATA_HEADERS } from '../../shared/page-headers.ts'
import { SITE_CALLBACK } from '../../shared/resource-names.ts'
import type { Reply, SiteRequest } from './http.ts'
import { checkToken, type Identity, type Keys, type TokenRules } from './token.ts'

export const SIGN_IN = '/auth/sign-in'
/** At either origin. That of the pages leads to that of the docs, which takes back its cookie and has Cognito end its session. */
export const SIGN_OUT = '/auth/sign-out'

export interface SignIn extends TokenRules {
  /** Of the pages or of the docs, `https://…` without a slash at the end. */
  origin: string
  /** Of Cognito's sign-in page, the same. */
  authority: string
}

export interface SignInDeps {
  keys: Keys
  now(): Date
  /** 32 random bytes, base64url. */
  secret(): string
  /** POST of a form; the answer's body, or undefined where it is refused. */
  postForm(url: string, fields: Record<string, string>): Promise<unknown>
}

/** The `__Host-` in front binds it to this host and to HTTPS. */
const COOKIE = '__Host-tidemill-sign-in'
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Lax'
/** Seconds that somebody has for password and second factor. */
const PATIENCE = 600

/** To Cognito's page. `to`: where the browser goes afterwards, a path or route of this origin. */
export function begin({ origin, authority, audience }: SignIn, deps: SignInDeps, to: string): Reply {
  const [state, verifier, nonce] = [deps.secret(), deps.secret(), deps.secret()]
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: audience,
    redirect_uri: origin + SITE_CALLBACK,
    // With a second one Cognito would leave out of the token what that one does not name.
    scope: 'openid',
    state,
    nonce,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const kept = Buffer.from(JSON.stringify({ state, verifier, nonce, to: safePath(to) })).toString('base64url')
  return redirect(`${authority}/oauth2/authorize?${query}`, [`${COOKIE}=${kept}; Max-Age=${PATIENCE}; ${ATTRIBUTES}`])
}

/** To Cognito's logout endpoint, which ends its session and leads to the address given, one of those the app client names. */
export const end = ({ authority, audience }: SignIn, to: string, cookies: string[]): Reply =>
  redirect(`${authority}/logout?${new URLSearchParams({ client_id: audience, logout_uri: to })}`, cookies)

export interface SignedIn {
  token: string
  identity: Identity
  to: string
}

/** From Cognito's page back. A refusal where browser, code or token are not those of this sign-in. */
export async function complete(site: SignIn, deps: SignInDeps, request: SiteRequest): Promise<SignedIn | PageError> {
  const { query } = request
  const hint = `Open ${site.origin} again.`
  const again: PageError = {
    status: 403,
    message: 'The sign-in was not completed: it took too long, or was begun in another browser.',
    hint,
  }
  const kept = readKept(request.cookies.get(COOKIE))
  // The words of an error count only from where this browser was sent to: anybody can make a link with some.
  if (!kept || query.get('state') !== kept.state) return again
  const refusal = query.get('error_description') ?? query.get('error')
  if (refusal) return { status: 403, message: `The sign-in was refused: ${refusal.slice(0, 300)}`, hint }
  const code = query.get('code')
  if (!code) return again
  const answer = await deps.postForm(`${site.authority}/oauth2/token`, {
    grant_type: 'authorization_code',
    client_id: site.audience,
    redirect_uri: site.origin + SITE_CALLBACK,
    code,
    code_verifier: kept.verifier,
  })
  const token: unknown = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'id_token') : undefined
  if (typeof token !== 'string') return again
  const identity = await checkToken(token, site, deps.keys, deps.now())
  return identity && identity.nonce === kept.nonce ? { token, identity, to: kept.to } : again
}

export const forgetSignIn = `${COOKIE}=; Max-Age=0; ${ATTRIBUTES}`

export const redirect = (location: string, cookies: string[] = []): Reply => ({
  status: 302,
  headers: { ...DATA_HEADERS, location, 'cache-control': 'no-store' },
  ...(cookies.length && { cookies }),
})

/** A page for people. */
export const notice = (why: DocsNotice, cookies: string[] = []): Reply => ({
  status: why.status,
  headers: NOTICE_HEADERS,
  ...(cookies.length && { cookies }),
  body: docsNotice(why),
})

/** A path of this origin: `//evil.example` and `/\evil.example` are none. */
export const safePath = (to: string) => (/^\/(?![/\\])[^\s\\]{0,1000}$/.test(to) ? to : '/')

interface Kept {
  state: string
  verifier: string
  nonce: string
  to: string
}

function readKept(text: string | undefined): Kept | undefined {
  try {
    const value = JSON.parse(Buffer.from(text ?? '', 'base64url').toString('utf8')) as Kept
    const whole = [value.state, value.verifier, value.nonce, value.to].every(each => typeof each === 'string' && each !== '')
    return whole ? { ...value, to: safePath(value.to) } : undefined
  } catch {
    return undefined
  }
}
