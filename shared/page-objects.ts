/** Addresses of dbt's docs on their own origin: `/<project>/<environment>/<run>/…`, `current` for the run of the pointer. */
import { RUN_ID_PATTERN } from './contract.ts'

export interface DocsPlace {
  project: string
  environment: string
  /** A run's id, or `current`. */
  run: string
  /** Parts of the name below the run; empty: there was no slash behind the run. */
  file: string[]
}

/** Undefined for what can be no key of docs: empty or hidden parts, `..` in any writing. `path`: without the query. */
export function parseDocsPath(path: string): DocsPlace | undefined {
  try {
    const [, project = '', environment = '', run = '', ...file] = decodeURIComponent(path).split('/')
    const parts = [project, environment, ...file.slice(0, -1)]
    const last = file.at(-1) ?? ''
    const plain = parts.every(isPlain) && (last === '' || isPlain(last))
    if (!plain || !(run === '' || run === 'current' || RUN_ID_PATTERN.test(run))) return undefined
    return { project, environment, run: run || 'current', file }
  } catch {
    return undefined
  }
}
const isPlain = (part: string) => /^[\w@-][\w.@-]*$/.test(part)

/** Path of the docs of an environment; without a run the current ones. */
export const docsPath = (project: string, environment: string, run = 'current') => `/${project}/${environment}/${run}/`

/** By the name: what a task said of an object's type is not relied on. */
const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  json: 'application/json',
  js: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  ico: 'image/vnd.microsoft.icon',
  webmanifest: 'application/manifest+json',
  wasm: 'application/wasm',
  woff2: 'font/woff2',
  parquet: 'application/vnd.apache.parquet',
}
export const typeOfFile = (name: string) => TYPES[/\.(\w+)$/.exec(name)?.[1] ?? ''] ?? 'application/octet-stream'

/** The application of dbt 2.x has the hash of its content in its names. */
const IMMUTABLE = 'private, max-age=31536000, immutable'
/** A run that goes on after its end writes its docs again: the ETag says in one small answer whether it has. */
const CHECKED = 'private, no-cache'
export const cacheOfDocs = ({ file }: DocsPlace) => (file[0] === 'assets' ? IMMUTABLE : CHECKED)

/** What a page gets of the bucket is text and data, whatever a task said that it is. */
export const typeOfData = (key: string) => (/\.json$/.test(key) ? 'application/json' : 'application/octet-stream')
/** Named by their content, or written once. */
const NEVER_CHANGES = /^config\/|^history\/v1\/(index\/(days|jobs)\/|.*\/all-)|^runs\/.*\/parts\/\d+\.ndjson\.gz$/
export const cacheOfData = (key: string) => (NEVER_CHANGES.test(key) ? IMMUTABLE : CHECKED)

/** A page for people in place of docs that are not there. */
export function docsNotice(message: string, hint?: string): string {
  const lines = [message, ...(hint ? [hint] : [])].map(line => `<p>${escapeHtml(line)}</p>`).join('\n')
  return `<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Tidemill</title>\n${lines}\n</html>\n`
}
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, each => `&#${each.charCodeAt(0)};`)

export const NO_DOCS_YET = 'They come with the first run of a job that has "docs: true".'
export const DOCS_GONE = 'Docs older than what the environment retains have been removed; the current ones are at …/current/.'
