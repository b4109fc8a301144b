/** Each request of the two host names, and what every answer has, whatever becomes of it. */
import type { PageError } from '../../shared/page-api.ts'
import { DATA_HEADERS } from '../../shared/page-headers.ts'
import { SITE_HEADER } from '../../shared/resource-names.ts'
import type { Log } from '../common/log.ts'
import { answerDocs, type DocsDeps } from './docs.ts'
import { parseEvent, type Reply, type SiteRequest } from './http.ts'
import { answerPages, type PagesDeps } from './pages.ts'

export interface SiteDeps {
  pages: PagesDeps
  docs: DocsDeps
  log: Log
}

/** A year, for this host alone: what else the domain has is not ours to say. */
const ALWAYS = { 'strict-transport-security': 'max-age=31536000' }

export async function answerSite(deps: SiteDeps, event: unknown): Promise<Reply> {
  const reply = await answerSafely(deps, parseEvent(event))
  return { ...reply, headers: { ...reply.headers, ...ALWAYS } }
}

async function answerSafely({ pages, docs, log }: SiteDeps, request: SiteRequest): Promise<Reply> {
  try {
    return await (request.headers[SITE_HEADER] === 'pages' ? answerPages(pages, request) : answerDocs(docs, request))
  } catch (error) {
    log('request failed', { path: request.path, error })
    return FAILED
  }
}

const FAILURE: PageError = { status: 500, message: 'The request failed.', hint: 'The log of the site function has more.' }
const FAILED: Reply = {
  status: 500,
  headers: { ...DATA_HEADERS, 'content-type': 'application/json', 'cache-control': 'no-store' },
  body: JSON.stringify(FAILURE),
}
