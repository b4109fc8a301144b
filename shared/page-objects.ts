/** How stored objects come to a browser: their types, and how long it may keep them. */

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

/** Whatever is written once. The ETag of the rest says in one small answer whether it has changed. */
export const IMMUTABLE = 'private, max-age=31536000, immutable'
export const CHECKED = 'private, no-cache'

/** Whether an Accept-Encoding takes it. What takes anything is given gzip. */
export const accepts = (header: string | undefined, coding: 'br' | 'gzip'): boolean =>
  (header ?? '')
    .toLowerCase()
    .split(',')
    .map(each => each.replaceAll(/\s/g, ''))
    .some(each => new RegExp(`^(${coding === 'gzip' ? 'gzip|\\*' : coding})(;q=(?!0(\\.0+)?$).*)?$`).test(each))

/** A file of the application: as it is, and compressed for those who take that. */
export interface PackedFile {
  plain: Uint8Array
  gzip: Uint8Array
  br: Uint8Array
}
export function packedFor(header: string | undefined, file: PackedFile): { body: Uint8Array; encoding?: 'br' | 'gzip' } {
  const encoding = (['br', 'gzip'] as const).find(each => accepts(header, each))
  return encoding ? { body: file[encoding], encoding } : { body: file.plain }
}

/** What a page gets of the bucket is text and data, whatever a task said that it is. */
export const typeOfData = (key: string) => (/\.json$/.test(key) ? 'application/json' : 'application/octet-stream')
/** Named by their content, or written once. */
const NEVER_CHANGES = /^config\/|^history\/v1\/(index\/(days|jobs)\/|.*\/all-)|^runs\/.*\/parts\/\d+\.ndjson\.gz$/
export const cacheOfData = (key: string) => (NEVER_CHANGES.test(key) ? IMMUTABLE : CHECKED)
