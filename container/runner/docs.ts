/**
 * dbt's documentation pages, by a list of what may leave: beside them a target folder holds logs, stored failures and SQL with
 * whatever was put into it. 1.x makes one page that reads two artifacts (`--static`: that holds them); 2.x an application that
 * reads an index of Parquet files.
 */
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { dirname, extname, join } from 'node:path'
import { copyMasked, copyPacked, holdsSecret } from './artifacts.ts'
import type { DbtContext } from './dbt-step.ts'

/**
 * By extension. Of `masked` ones the secrets are taken out, the rest are files of dbt's own or of the index. CloudFront compresses
 * nothing above 10 MB, and a database as WebAssembly has 30: what is not compressed in itself, nor read by ranges, is `packed`.
 */
const KINDS: Record<string, { contentType: string; stored: 'masked' | 'packed' | 'plain' }> = {
  '.html': { contentType: 'text/html; charset=utf-8', stored: 'masked' },
  '.json': { contentType: 'application/json', stored: 'masked' },
  '.js': { contentType: 'text/javascript', stored: 'masked' },
  '.mjs': { contentType: 'text/javascript', stored: 'masked' },
  '.css': { contentType: 'text/css', stored: 'masked' },
  '.svg': { contentType: 'image/svg+xml', stored: 'masked' },
  '.png': { contentType: 'image/png', stored: 'plain' },
  '.ico': { contentType: 'image/vnd.microsoft.icon', stored: 'plain' },
  '.woff2': { contentType: 'font/woff2', stored: 'plain' },
  '.wasm': { contentType: 'application/wasm', stored: 'packed' },
  '.parquet': { contentType: 'application/vnd.apache.parquet', stored: 'plain' },
}
/** Nobody reads more files than this in a browser; something else than dbt has written them. */
const MOST_FILES = 5_000

interface Page {
  /** Path below the prefix of the docs. */
  name: string
  from: string
}

export interface QueuedDocs {
  /** Whether all of it reached the bucket. */
  stored: Promise<boolean>
  /** Why there is nothing to store, a sentence. */
  refused?: string
}

/** `targets`: folders that may hold the parts: the docs step's own first, then the build's (`--no-compile` writes no manifest). */
export async function queueDocs(targets: string[], context: DbtContext): Promise<QueuedDocs> {
  const found = await findPages(targets, context)
  if (typeof found === 'string') return { stored: Promise.resolve(false), refused: found }
  const uploads: Promise<boolean>[] = []
  for (const { name, from } of found) {
    const kind = KINDS[extname(name)]
    if (!kind) continue
    const { contentType, stored } = kind
    const file = join(context.folders.outbox, 'docs', `${name}${stored === 'plain' ? '' : '.gz'}`)
    await mkdir(dirname(file), { recursive: true })
    if (stored === 'masked') await copyMasked(from, file, context.redact)
    else if (stored === 'packed') await copyPacked(from, file)
    else await copyFile(from, file)
    const key = context.plan.prefixes.docs + name
    const encoding = stored === 'plain' ? {} : { contentEncoding: 'gzip' as const }
    uploads.push(context.uploads.add('artifacts', { key, body: { file }, contentType, ...encoding }))
  }
  return { stored: Promise.all(uploads).then(all => all.every(Boolean)) }
}

async function findPages(targets: string[], context: DbtContext): Promise<Page[] | string> {
  const [own = ''] = targets
  const first = (...names: string[]) => targets.flatMap(dir => names.map(name => join(dir, name))).find(path => existsSync(path))
  // The static page takes the place of the one that fetches its artifacts.
  const page = existsSync(join(own, 'assets')) ? join(own, 'index.html') : first('static_index.html', 'index.html')
  if (!page || !existsSync(page)) return 'dbt left no index.html.'
  const artifacts = ['manifest.json', 'catalog.json'].flatMap(name => ({ name, from: first(name) ?? '' }))
  if (dirname(page) !== own || !existsSync(join(own, 'assets'))) {
    const missing = artifacts.find(({ from }) => !from)
    return missing ? `dbt left no ${missing.name}.` : [{ name: 'index.html', from: page }, ...artifacts]
  }
  // The index is compressed, so nothing in it can be masked; the manifest says the same in text.
  const manifest = join(own, 'manifest.json')
  const secrets = Object.keys(context.secrets).length > 0
  if (secrets && !existsSync(manifest)) return 'dbt left no manifest.json, so nobody can tell whether the docs hold a secret.'
  if (secrets && (await holdsSecret(manifest, context.redact)))
    return 'A model or a description holds the value of a secret, which cannot be masked in the Parquet files of these docs.'
  const files = [
    ...(await filesBelow(own, 'assets', extension => extension !== '.parquet')),
    ...(await filesBelow(own, 'index', extension => extension === '.parquet')),
  ]
  if (files.length > MOST_FILES) return `The docs have ${files.length} files, more than ${MOST_FILES}.`
  return [{ name: 'index.html', from: page }, ...files, ...artifacts.filter(({ from }) => dirname(from) === own)]
}

/** Plain files with plain names: no links, nothing hidden. */
async function filesBelow(root: string, folder: string, wanted: (extension: string) => boolean): Promise<Page[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => [])
  const pages: Page[] = []
  for (const entry of entries) {
    const name = `${folder}/${entry.name}`
    if (!/^[\w@-][\w.@-]*$/.test(entry.name)) continue
    if (entry.isDirectory()) pages.push(...(await filesBelow(root, name, wanted)))
    else if (entry.isFile() && KINDS[extname(name)] && wanted(extname(name))) pages.push({ name, from: join(root, name) })
  }
  return pages
}
