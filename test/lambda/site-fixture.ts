/** The function of the hosted pages with an issuer of its own: real RSA keys, real RS256 tokens. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { DocsDeps } from '../../lambda/site/docs.ts'
import type { SiteRequest } from '../../lambda/site/http.ts'
import type { PagesDeps } from '../../lambda/site/pages.ts'
import { makeKeys } from '../../lambda/site/token.ts'
import type { ApiRequest } from '../../shared/api.ts'
import { makePageAnswers } from '../../shared/page-answers.ts'

export const NOW = new Date('2026-11-22T12:00:00Z')
export const ISSUER = 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_pool'
export const PAGES = {
  issuer: ISSUER,
  authority: 'https://sign-in.example',
  origin: 'https://runs.acme.example',
  audience: 'pages-client',
}
export const DOCS = { ...PAGES, origin: 'https://docs.acme.example', audience: 'docs-client' }

const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 })
const own = pair()
export const stranger = pair()

/** Of the issuer, with a key of a kind that signs nothing here. */
export const JWKS = {
  keys: [
    { ...own.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' },
    { kty: 'EC', kid: 'two' },
  ],
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

export interface TokenParts {
  header?: object
  claims?: object
  key?: KeyObject
}

/** A good token of an operator for the pages, but for what is given. */
export function makeToken({ header, claims, key }: TokenParts = {}): string {
  const seconds = NOW.getTime() / 1000
  const signed = `${part({ alg: 'RS256', kid: 'one', ...header })}.${part({
    iss: ISSUER,
    aud: PAGES.audience,
    token_use: 'id',
    iat: seconds - 10,
    exp: seconds + 3600,
    email: 'ana@acme.example',
    'cognito:username': 'a1',
    'cognito:groups': ['operator'],
    ...claims,
  })}`
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key ?? own.privateKey).toString('base64url')}`
}

export function makeSite(objects: Record<string, string> = {}) {
  const calls: { actor: string; request: ApiRequest }[] = []
  const asked: string[] = []
  /** What Cognito's token endpoint got, and what it answers. */
  const posts: Record<string, string>[] = []
  const exchange: { answer: unknown } = { answer: undefined }
  let count = 0
  const now = () => NOW
  const keys = makeKeys(
    ISSUER,
    async url => {
      asked.push(url)
      return JWKS
    },
    now,
  )
  const common = {
    keys,
    now,
    secret: () => `secret-${++count}`,
    async postForm(_: string, fields: Record<string, string>) {
      posts.push(fields)
      return exchange.answer
    },
    sendObject: async (key: string, _: unknown, headers: Record<string, string>) =>
      key in objects ? { status: 200, headers, body: objects[key] ?? '' } : undefined,
  }
  const fails = async () => {
    throw new Error('not expected')
  }
  const reads = {
    item: async () => undefined,
    items: fails,
    open: fails,
    keys: fails,
    configKey: async () => 'config/c.json',
    config: fails,
    deployments: fails,
    bytes: async () => undefined,
  }
  const page = {
    type: 'text/html',
    gzip: Buffer.from('gz'),
    br: Buffer.from('br'),
    plain: Buffer.from('<html>'),
    immutable: false,
  }
  const pages: PagesDeps = {
    ...common,
    site: PAGES,
    answers: makePageAnswers(reads, now),
    files: new Map([['/', page]]),
    about: { installation: 'tm', docs: DOCS.origin, command: 'tidemill', version: '1' },
    async act(actor, request) {
      calls.push({ actor, request })
      return { ok: true, message: 'done' }
    },
  }
  const docs: DocsDeps = { ...common, site: DOCS, pages: PAGES.origin, readPointer: async key => objects[key] }
  return { pages, docs, calls, asked, posts, exchange }
}

export const request = (path: string, fields: Partial<SiteRequest> = {}): SiteRequest => {
  const [plain = '', query = ''] = path.split('?')
  return { method: 'GET', path: plain, query: new URLSearchParams(query), headers: {}, cookies: new Map(), body: '', ...fields }
}

/** `name=value` of a Set-Cookie line, as the browser sends it back. */
export const cookiesOf = (lines: string[] = []) =>
  new Map(lines.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1).split(';')[0] ?? '']))

export const challengeOf = (verifier: string) => createHash('sha256').update(verifier).digest('base64url')
