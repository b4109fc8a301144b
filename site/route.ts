/** Addresses of the pages: `#/<segment>/…?<query>`. All that a page shows is in its address, so that it can be sent to somebody. */

export interface Route {
  /** Decoded; `['runs']` for the empty address. */
  path: string[]
  query: URLSearchParams
}

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s)
  const segments = path.split('/').filter(Boolean).map(decode)
  return { path: segments.length ? segments : ['runs'], query: new URLSearchParams(query) }
}

/** A `%` that encodes nothing stands for itself. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

export type Query = Record<string, string | undefined>

/** Address of a page; what is empty in the query is left out. */
export function hrefOf(path: readonly string[], query: Query = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]))
  const search = new URLSearchParams(given).toString()
  return `#/${path.map(encodeURIComponent).join('/')}${search ? `?${search}` : ''}`
}

export const HREF = {
  runs: (query?: Query) => hrefOf(['runs'], query),
  run: (id: string, query?: Query) => hrefOf(['runs', id], query),
  job: (project: string, job: string) => hrefOf(['jobs', project, job]),
  node: (project: string, environment: string, uniqueId: string) => hrefOf(['nodes', project, environment, uniqueId]),
}

/** Of dbt's docs, on their own origin (`docs`); `run`: an id, or `current` for those that are in force. */
export const docsAddress = (docs: string, project: string, environment: string, run: string) =>
  `${docs}/${[project, environment, run].map(encodeURIComponent).join('/')}/`
