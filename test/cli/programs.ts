import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Path of a program on PATH; undefined: it is not there. */
export const findProgramIn = (name: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map(folder => join(folder, name))
    .find(path => existsSync(path))
