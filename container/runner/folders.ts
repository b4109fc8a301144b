/** The folders of an attempt: each thing apart from the clone, so that nothing in it is taken for a setting. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Folders {
  root: string
  clone: string
  /** Home of dbt; git has its own, so that its key is never there. */
  home: string
  gitHome: string
  /** Where dbt is started: dbt loads a `.env` from there. */
  cwd: string
  profiles: string
  /** A folder a step. */
  steps: string
  /** Files that wait for their upload. */
  outbox: string
}

/** Makes them empty: a work folder that outlives the task (local mode) may hold an attempt that was cut off. */
export async function makeFolders(root: string, profiles: string | undefined): Promise<Folders> {
  const at = (name: string) => join(root, name)
  const folders: Folders = {
    root,
    clone: at('clone'),
    home: at('home'),
    gitHome: at('git-home'),
    cwd: at('cwd'),
    profiles: at('profiles'),
    steps: at('steps'),
    outbox: at('outbox'),
  }
  await rm(root, { recursive: true, force: true })
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true, mode: 0o700 })
  if (profiles !== undefined) await writeFile(join(folders.profiles, 'profiles.yml'), profiles, { mode: 0o600 })
  return folders
}
