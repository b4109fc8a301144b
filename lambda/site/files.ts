/** The application of the pages: a few small files beside the code of the function. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { typeOfFile } from '../../shared/page-objects.ts'

export interface PageFile {
  type: string
  gzip: Uint8Array
  plain: Uint8Array
  /** Its name has the hash of its content. */
  immutable: boolean
}

/** By path; `/` is index.html. `root`: folder of the function, with `site/` in it. */
export function readFiles(root: string): Map<string, PageFile> {
  const folder = join(root, 'site')
  const files = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isFile())
  return new Map(
    files.map(({ name }) => {
      const plain = readFileSync(join(folder, name))
      const file = {
        type: typeOfFile(name),
        plain,
        gzip: gzipSync(plain, { level: 9 }),
        immutable: /-[A-Z0-9]{8}\.\w+$/.test(name),
      }
      return [name === 'index.html' ? '/' : `/${name}`, file]
    }),
  )
}
