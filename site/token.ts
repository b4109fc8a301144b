/**
 * The viewer's token. It comes in the address, is taken out of it, and is kept for the tab; a second tab asks the first,
 * so that links can be opened beside each other and nothing is stored beyond the last of them.
 */
import { SIGNED_OUT } from '../shared/page-api.ts'
import { hrefOf, parseRoute } from './route.ts'

const NAME = 'tidemill-token'
/** Milliseconds that another tab has to answer. */
const PATIENCE = 150

let token: Promise<string | undefined> | undefined
/** To the other tabs, and not to this one. */
let others: BroadcastChannel | undefined

export const readToken = (): Promise<string | undefined> => {
  token ??= find()
  return token
}

/** Before anything else runs: the address is what people copy. */
export function takeToken(): void {
  const { path, query } = parseRoute(location.hash)
  const given = query.get('token')
  if (given) {
    query.delete('token')
    history.replaceState(null, '', hrefOf(path, Object.fromEntries(query)))
    sessionStorage.setItem(NAME, given)
    token = Promise.resolve(given)
  }
  const channel = new BroadcastChannel(NAME)
  others = channel
  channel.onmessage = ({ data }) => {
    const own = sessionStorage.getItem(NAME)
    if (data === 'ask' && own) channel.postMessage({ token: own })
    if (data === 'forget') {
      sessionStorage.removeItem(NAME)
      location.hash = SIGNED_OUT
      location.reload()
    }
  }
}

/** Signed out, in all tabs. */
export function forgetToken(): void {
  sessionStorage.removeItem(NAME)
  token = undefined
  others?.postMessage('forget')
}

async function find(): Promise<string | undefined> {
  const own = sessionStorage.getItem(NAME)
  if (own) return own
  const channel = new BroadcastChannel(NAME)
  const told = await new Promise<string | undefined>(resolve => {
    channel.onmessage = ({ data }) => typeof data?.token === 'string' && resolve(data.token)
    setTimeout(resolve, PATIENCE, undefined)
    channel.postMessage('ask')
  })
  channel.close()
  if (told) sessionStorage.setItem(NAME, told)
  return told
}
