/** dbt's documentation pages: one HTML file of dbt's and the two artifacts that it reads. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { copyMasked } from './artifacts.ts'
import type { DbtContext } from './dbt-step.ts'

/** `targets`: folders that may hold the parts: the docs step's own first, then the build's (`--no-compile` writes no manifest). */
export async function queueDocs(targets: string[], context: DbtContext): Promise<{ stored: Promise<boolean> }> {
  const pages = [
    { name: 'index.html', contentType: 'text/html; charset=utf-8' },
    { name: 'manifest.json', contentType: 'application/json' },
    { name: 'catalog.json', contentType: 'application/json' },
  ]
  const uploads: Promise<boolean>[] = []
  for (const { name, contentType } of pages) {
    // `--static` writes one page with both artifacts in it; it takes the place of the page that fetches them.
    const names = name === 'index.html' ? ['static_index.html', name] : [name]
    const from = targets.flatMap(target => names.map(each => join(target, each))).find(path => existsSync(path))
    if (!from) return { stored: Promise.resolve(false) }
    const file = join(context.folders.outbox, `docs-${name}.gz`)
    await copyMasked(from, file, context.redact)
    const key = context.plan.prefixes.docs + name
    uploads.push(context.uploads.add('artifacts', { key, body: { file }, contentType, contentEncoding: 'gzip' }))
  }
  return { stored: Promise.all(uploads).then(all => all.every(Boolean)) }
}
