/** What `init` can find out by itself: the dbt project, its profile, and the git repository around it. Only looks. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { Effects } from './effects.ts'

/** Nothing is certain: every part may be missing. */
export interface Found {
  /** Folder of the dbt project on this machine. */
  projectFolder?: string
  name?: string
  profileName?: string
  /** Path of the profiles.yml that has the profile. */
  profilesFile?: string
  adapter?: string
  target?: string
  repository?: string
  branch?: string
  /** Folder of the dbt project in the repository. */
  folder?: string
}

export async function detect(effects: Effects): Promise<Found> {
  const projectFolder = findProject(effects.cwd)
  const project = projectFolder === undefined ? undefined : await readYaml(join(projectFolder, 'dbt_project.yml'))
  const name = textAt(project, 'name')
  const profileName = textAt(project, 'profile') ?? name
  return {
    ...(projectFolder !== undefined && { projectFolder }),
    ...(name !== undefined && { name }),
    ...(profileName !== undefined && { profileName, ...(await findProfile(effects, projectFolder ?? effects.cwd, profileName)) }),
    ...(await findRepository(effects, projectFolder ?? effects.cwd)),
  }
}

/** Here, or in a folder just below. */
function findProject(folder: string): string | undefined {
  const below = readdirSync(folder, { withFileTypes: true })
    .filter(
      entry =>
        entry.isDirectory() && !entry.name.startsWith('.') && !['node_modules', 'dbt_packages', 'target'].includes(entry.name),
    )
    .map(entry => join(folder, entry.name))
  return [folder, ...below.sort()].find(candidate => existsSync(join(candidate, 'dbt_project.yml')))
}

/** Where dbt itself looks for it. */
async function findProfile(effects: Effects, projectFolder: string, profileName: string) {
  const folders = [effects.env.DBT_PROFILES_DIR, effects.cwd, projectFolder, join(effects.homeDir, '.dbt')]
  for (const folder of folders) {
    const path = folder === undefined ? undefined : join(folder, 'profiles.yml')
    if (path === undefined || !existsSync(path)) continue
    const profile = at(await readYaml(path), profileName)
    if (profile === undefined) continue
    const outputs = at(profile, 'outputs')
    const names = typeof outputs === 'object' && outputs !== null ? Object.keys(outputs) : []
    const written = textAt(profile, 'target')
    // Which target is production is often not the default one, which is the developer's own.
    const target = ['prod', 'production', written].find(name => name !== undefined && names.includes(name)) ?? names[0]
    const adapter = target === undefined ? undefined : textAt(at(outputs, target), 'type')
    return { profilesFile: path, ...(target !== undefined && { target }), ...(adapter !== undefined && { adapter }) }
  }
  return {}
}

async function findRepository(effects: Effects, projectFolder: string): Promise<Pick<Found, 'repository' | 'branch' | 'folder'>> {
  const git = async (...args: string[]) => {
    const { code, stdout } = await effects.execute('git', args, { cwd: projectFolder, stdio: 'pipe', timeout: 10_000 })
    return code === 0 && stdout.trim() !== '' ? stdout.trim() : undefined
  }
  const root = await git('rev-parse', '--show-toplevel')
  if (root === undefined) return {}
  const remote = await git('remote', 'get-url', 'origin')
  const head = (await git('symbolic-ref', '--short', 'refs/remotes/origin/HEAD'))?.replace(/^origin\//, '')
  const branch = head ?? (await git('symbolic-ref', '--short', 'HEAD'))
  return {
    // Without a remote it can be run on this machine at least.
    repository: remote === undefined ? `file://${root}` : addressOf(remote, root),
    ...(branch !== undefined && { branch }),
    folder: relative(root, projectFolder) || '.',
  }
}

/** A remote may be a folder of this machine, and may be written from the clone. */
export const addressOf = (remote: string, root: string) =>
  /^[./]/.test(remote) ? `file://${resolve(root, remote)}` : withoutCredentials(remote)

/** A token in a remote is common, and must not get into the file. */
export const withoutCredentials = (url: string) => url.replace(/^(https?:\/\/)[^/@]*@/, '$1')

async function readYaml(path: string): Promise<unknown> {
  const { parse } = await import('yaml')
  try {
    // Jinja in a value is text to YAML where it is quoted; where it is not, the file tells us nothing.
    return parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

const at = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
const textAt = (value: unknown, key: string): string | undefined => {
  const found = at(value, key)
  return typeof found === 'string' && !found.includes('{{') ? found : undefined
}
