/** A user pool with its sign-in page, as far as the hosted pages use them, with the checks that Cognito makes. */
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { JWKS, makeToken } from '../lambda/site-fixture.ts'

export interface AppClient {
  id: string
  callback: string
  logout: string[]
}
export interface Cognito {
  /** Of the sign-in page. */
  authority: string
  /** Of the tokens. */
  issuer: string
  /** Groups by the name of the user. */
  users: Map<string, string[]>
  clients: AppClient[]
  /** A token of this pool. */
  token(user: string, client: string, claims?: object): string
  close(): void
}

interface Grant {
  user: string
  client: string
  callback: string
  challenge: string
  nonce: string
}

export async function startCognito(): Promise<Cognito> {
  const users: Cognito['users'] = new Map()
  const clients: AppClient[] = []
  const grants = new Map<string, Grant>()
  const server = createServer((request, response) => {
    void answer(request, response)
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const authority = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const issuer = `${authority}/pool`

  function token(user: string, client: string, claims: object = {}): string {
    const seconds = Math.floor(Date.now() / 1000)
    const groups = users.get(user) ?? []
    const own = { iss: issuer, aud: client, iat: seconds, exp: seconds + 3600, email: `${user}@acme.example` }
    return makeToken({ claims: { ...own, 'cognito:username': user, 'cognito:groups': groups, ...claims } })
  }

  async function answer(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(authority + request.url)
    const query = url.searchParams
    const user = /(?:^|; )cognito=(\w+)/.exec(request.headers.cookie ?? '')?.[1]
    const go = (location: string, cookie?: string) =>
      response.writeHead(302, { location, ...(cookie && { 'set-cookie': cookie }) }).end()
    const refuse = () => response.writeHead(400, { 'content-type': 'text/plain' }).end('invalid request')
    const client = clients.find(({ id }) => id === query.get('client_id'))
    switch (url.pathname) {
      case '/pool/.well-known/jwks.json':
        return response.end(JSON.stringify(JWKS))
      case '/oauth2/authorize': {
        const plain = query.get('response_type') === 'code' && query.get('code_challenge_method') === 'S256'
        if (!plain || !client || query.get('redirect_uri') !== client.callback || !query.get('state')) return refuse()
        if (!user || !users.has(user)) return showUsers(response, [...users.keys()], query)
        const code = randomBytes(12).toString('hex')
        const [challenge = '', nonce = ''] = [query.get('code_challenge') ?? '', query.get('nonce') ?? '']
        grants.set(code, { user, client: client.id, callback: client.callback, challenge, nonce })
        return go(`${client.callback}?${new URLSearchParams({ code, state: query.get('state') ?? '' })}`)
      }
      case '/login': {
        const chosen = query.get('user') ?? ''
        query.delete('user')
        return go(`/oauth2/authorize?${query}`, `cognito=${chosen}; Path=/; HttpOnly; SameSite=Lax`)
      }
      case '/oauth2/token': {
        const form = new URLSearchParams(await text(request))
        const grant = grants.get(form.get('code') ?? '')
        grants.delete(form.get('code') ?? '')
        const challenge = createHash('sha256')
          .update(form.get('code_verifier') ?? '')
          .digest('base64url')
        const holds =
          grant?.client === form.get('client_id') && grant.callback === form.get('redirect_uri') && grant.challenge === challenge
        if (!grant || !holds) return refuse()
        const { nonce } = grant
        return response.end(JSON.stringify({ id_token: token(grant.user, grant.client, { nonce }), token_type: 'Bearer' }))
      }
      case '/logout': {
        const to = query.get('logout_uri') ?? ''
        return client?.logout.includes(to) ? go(to, 'cognito=; Max-Age=0; Path=/') : refuse()
      }
      default:
        return response.writeHead(404).end()
    }
  }

  return {
    authority,
    issuer,
    users,
    clients,
    token,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** In place of password and second factor. */
function showUsers(response: ServerResponse, names: string[], query: URLSearchParams) {
  const links = names.map(name => `<p><a href="/login?${new URLSearchParams([...query, ['user', name]])}">${name}</a></p>`)
  response.setHeader('content-type', 'text/html').end(`<!doctype html><title>Sign in</title>${links.join('')}`)
}
