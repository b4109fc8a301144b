/** The sign-in's token: a JWT that Cognito has signed (RS256). All of it is checked, on every call. */
import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { ROLES, type Role } from '../../shared/page-roles.ts'
import { DIRECTORY_GROUPS } from '../../shared/resource-names.ts'

export interface TokenRules {
  /** `https://cognito-idp.<region>.amazonaws.com/<pool>`. */
  issuer: string
  /** Of the app client: the pages and the docs have one each, so that the token of one opens nothing of the other. */
  audience: string
  /** Groups of the company's directory, by what they may; absent: its groups do not count. */
  groups?: Record<Role, string[]> | undefined
}

export interface Identity {
  /** As the audit trail writes it. */
  actor: string
  /** Undefined: in no group. */
  role: Role | undefined
  nonce: string | undefined
}

export interface Keys {
  /** The key of that id; undefined: the issuer has none. */
  find(id: string): Promise<KeyObject | undefined>
}

/** Seconds by which the issuer's clock may be ahead. */
const SKEW = 60
/** A token of Cognito has 1 to 2 KB, with many groups more. */
const MAX_CHARACTERS = 16_384

/** Undefined: not a token that counts now. */
export async function checkToken(
  token: string,
  { issuer, audience, groups }: TokenRules,
  keys: Keys,
  now: Date,
): Promise<Identity | undefined> {
  const [head = '', payload = '', signature = '', ...more] = token.length > MAX_CHARACTERS ? [] : token.split('.')
  const header = parsePart(head)
  // The algorithm is ours to choose, not the token's.
  if (more.length || header?.alg !== 'RS256' || typeof header.kid !== 'string') return undefined
  const key = await keys.find(header.kid)
  if (!key) return undefined
  const signed = Buffer.from(`${head}.${payload}`)
  if (!verify('RSA-SHA256', signed, key, Buffer.from(signature, 'base64url'))) return undefined
  const claims = parsePart(payload)
  const seconds = now.getTime() / 1000
  const holds =
    claims?.iss === issuer &&
    claims.aud === audience &&
    claims.token_use === 'id' &&
    typeof claims.exp === 'number' &&
    claims.exp > seconds &&
    typeof claims.iat === 'number' &&
    claims.iat < seconds + SKEW
  return holds ? identityOf(claims, groups) : undefined
}

function identityOf(claims: Record<string, unknown>, groups: TokenRules['groups']): Identity | undefined {
  const text = (name: string) => (typeof claims[name] === 'string' ? claims[name] : undefined)
  const name = text('email') ?? text('cognito:username')
  if (!name) return undefined
  const given = claims['cognito:groups']
  const ofPool: unknown[] = Array.isArray(given) ? given : []
  const ofDirectory = readList(text(`custom:${DIRECTORY_GROUPS}`) ?? '')
  const has = (role: Role) => ofPool.includes(role) || groups?.[role].some(group => ofDirectory.includes(group))
  return { actor: `site:${name.slice(0, 256)}`, role: ROLES.findLast(has), nonce: text('nonce') }
}

/** Cognito makes one text of a list: of OpenID Connect `["a","b"]`, of SAML `[a, b]`, and of a list of one sometimes `a`. */
function readList(text: string): unknown[] {
  if (!/^\[.*\]$/s.test(text)) return [text]
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value)) return value
  } catch {
    // Of SAML.
  }
  return text.slice(1, -1).split(/, ?/)
}

function parsePart(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Milliseconds between two looks at the issuer's keys: a stranger who invents ids must not make us ask for each. */
const ASK_AGAIN = 60_000

/** The keys of the issuer, asked for when one is not known. */
export function makeKeys(issuer: string, fetchJson: (url: string) => Promise<unknown>, now: () => Date): Keys {
  let known = new Map<string, KeyObject>()
  let asked = Number.NEGATIVE_INFINITY
  return {
    async find(id) {
      const found = known.get(id)
      if (found || now().getTime() - asked < ASK_AGAIN) return found
      asked = now().getTime()
      known = readKeys(await fetchJson(`${issuer}/.well-known/jwks.json`))
      return known.get(id)
    },
  }
}

function readKeys(value: unknown): Map<string, KeyObject> {
  const keys: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'keys') : undefined
  const found = new Map<string, KeyObject>()
  for (const each of Array.isArray(keys) ? (keys as Record<string, unknown>[]) : [])
    if (each.kty === 'RSA' && typeof each.kid === 'string')
      found.set(each.kid, createPublicKey({ key: each as JsonWebKey, format: 'jwk' }))
  return found
}
