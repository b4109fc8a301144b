/** The application of the pages: a few small files beside the code of the function. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type PackedFile, typeOfFile } from '../../shared/page-objects.ts'

export interface PageFile extends PackedFile {
  type: string
  /** Its name has the hash of its content. */
  immutable: boolean
}

/** By path; `/` is index.html. `root`: folder of the function, with `site/` in it. */
export function readFiles(root: string): Map<string, PageFile> {
  const folder = join(root, 'site')
  const files = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isFile() && !entry.name.endsWith('.br'))
  return new Map(
    files.map(({ name }) => {
      const plain = readFileSync(join(folder, name))
      const file = {
        type: typeOfFile(name),
        plain,
        gzip: gzipSync(plain, { level: 9 }),
        br: readFileSync(join(folder, `${name}.br`)),
        immutable: /-[A-Z0-9]{8}\.\w+$/.test(name),
      }
      return [name === 'index.html' ? '/' : `/${name}`, file]
    }),
  )
}
