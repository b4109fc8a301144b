/**
 * dbt's docs on their own origin, the same of `tidemill ui` and hosted: `/<project>/<environment>/<run>/<attempt>/…`. Nothing ever
 * changes below such an address, so a page that is open stays one piece. Without the attempt, or with `current` for the run, the
 * answer leads to what the pointer names now.
 */
import { KEY, RUN_ID_PATTERN } from './contract.ts'
import { DATA_HEADERS, docsHeaders } from './page-headers.ts'
import { CHECKED, IMMUTABLE, typeOfFile } from './page-objects.ts'
import { isAttempt, type Pointer } from './pointer.ts'

interface DocsPlace {
  project: string
  environment: string
  /** A run's id, or `current`. */
  run: string
  attempt: number | undefined
  /** Parts of the name below them; empty: there was no slash behind. */
  file: string[]
}

/** Undefined for what can be no key of docs: empty or hidden parts, `..` in any writing. `path`: without the query. */
export function parseDocsPath(path: string): DocsPlace | undefined {
  try {
    const [, project = '', environment = '', run = '', ...rest] = decodeURIComponent(path).split('/')
    const attempt = run !== 'current' && rest[0] !== undefined && isAttempt(rest[0]) ? Number(rest[0]) : undefined
    const file = attempt === undefined ? rest : rest.slice(1)
    const parts = [project, environment, ...file.slice(0, -1)]
    const last = file.at(-1) ?? ''
    const plain = parts.every(isPlain) && (last === '' || isPlain(last))
    if (!plain || !(run === '' || run === 'current' || RUN_ID_PATTERN.test(run))) return undefined
    return { project, environment, run: run || 'current', attempt, file }
  } catch {
    return undefined
  }
}
const isPlain = (part: string) => /^[\w@-][\w.@-]*$/.test(part)

/** Path of the docs of an environment; without a run the current ones, without an attempt the run's newest. */
export const docsPath = (project: string, environment: string, run = 'current', attempt?: number) =>
  `/${project}/${environment}/${run}/${attempt === undefined ? '' : `${attempt}/`}`

/** Where in the bucket the docs are that a pointer names. */
export const docsFolder = (project: string, environment: string, { run, attempt }: Pick<Pointer, 'run' | 'attempt'>) =>
  attempt === undefined ? KEY.docsRun(project, environment, run) : KEY.docs(project, environment, run, attempt)

export interface DocsNotice {
  status: number
  message: string
  hint?: string
}
/** `missing`: the answer when there is no such object. */
export type DocsAnswer = { to: string } | { key: string; headers: Record<string, string>; missing: DocsNotice } | DocsNotice

/** `path`: without the query; `origin`: of the docs, without a slash at the end. */
export async function findDocs(
  path: string,
  origin: string,
  readPointer: (key: string) => Promise<Pointer | undefined>,
): Promise<DocsAnswer> {
  const place = parseDocsPath(path)
  if (!place) return { status: 404, message: 'Docs have addresses of the form /<project>/<environment>/current/.' }
  const { project, environment, run, attempt, file } = place
  const name = file.map(encodeURIComponent).join('/')
  if (run === 'current') {
    const pointer = await readPointer(KEY.docsPointer(project, environment))
    if (pointer) return { to: docsPath(project, environment, pointer.run, pointer.attempt) + name }
    const hint = 'They come with the first run of a job that has "docs: true".'
    return { status: 404, message: `There are no docs of ${project}/${environment} yet.`, hint }
  }
  if (attempt === undefined) {
    // Without a pointer the version before has stored them, or nobody has.
    const pointer = await readPointer(KEY.docsRunPointer(project, environment, run))
    if (pointer?.attempt !== undefined) return { to: docsPath(project, environment, run, pointer.attempt) + name }
  }
  const folder = docsPath(project, environment, run, attempt)
  if (file.length === 0) return { to: folder }
  return objectOf(place, file.join('/') || 'index.html', origin + folder)
}

function objectOf({ project, environment, run, attempt }: DocsPlace, name: string, folder: string): DocsAnswer {
  // The page itself is asked for each time: it carries the policy, and who opens it may be somebody else by now.
  const kept = attempt === undefined ? name.startsWith('assets/') : name !== 'index.html'
  return {
    key: docsFolder(project, environment, { run, ...(attempt !== undefined && { attempt }) }) + name,
    headers: { ...docsHeaders(folder), 'content-type': typeOfFile(name), 'cache-control': kept ? IMMUTABLE : CHECKED },
    missing: {
      status: 404,
      message: `The docs of run ${run} in ${project}/${environment} have no ${name}.`,
      hint: 'Docs older than what the environment retains have been removed; the current ones are at …/current/.',
    },
  }
}

/** A page for people in place of docs that are not there. */
export function docsNotice({ message, hint }: DocsNotice): string {
  const lines = [message, ...(hint ? [hint] : [])].map(line => `<p>${escapeHtml(line)}</p>`).join('\n')
  return `<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Tidemill</title>\n${lines}\n</html>\n`
}
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, each => `&#${each.charCodeAt(0)};`)

export const NOTICE_HEADERS = { ...DATA_HEADERS, 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }
