/** The folders of an attempt: each thing apart from the clone, so that nothing in it is taken for a setting. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Folders {
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

export async function makeFolders(root: string, profiles: string | undefined): Promise<Folders> {
  const at = (name: string) => join(root, name)
  const folders: Folders = {
    clone: at('clone'),
    home: at('home'),
    gitHome: at('git-home'),
    cwd: at('cwd'),
    profiles: at('profiles'),
    steps: at('steps'),
    outbox: at('outbox'),
  }
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true, mode: 0o700 })
  if (profiles !== undefined) await writeFile(join(folders.profiles, 'profiles.yml'), profiles, { mode: 0o600 })
  return folders
}
