/** Where the built code is (`npm run build` makes it): the Lambdas, the runner and its Dockerfile. */
import { basename, dirname, join } from 'node:path'
import type { FunctionName } from '../shared/resource-names.ts'

/** Folder `dist/`, seen from `dist/bin/app.mjs` and `dist/lib/index.mjs` as from the source of this file. */
export function builtCode(here: string = import.meta.dirname): string {
  const parent = dirname(here)
  return basename(parent) === 'dist' ? parent : join(parent, 'dist')
}

export const lambdaFolder = (code: string, name: FunctionName) => join(code, 'lambda', name)
export const containerFolder = (code: string) => join(code, 'container')
