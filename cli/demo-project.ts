/** The example as a repository of its own, with a tidemill.yml beside it that knows this machine. */
import { appendFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'
import type { Effects } from './effects.ts'
import { CONFIG_FILE } from './installation.ts'

export interface DemoProject {
  folder: string
  repository: string
  configPath: string
}

/** A fare that no warehouse can take for a number, as somebody might write it into a price list. */
const BAD_FARE = 'F025,OST-HVN,van,2026-11-01,on request\n'

export async function makeProject(effects: Effects, folder: string, example: string, webhook: string): Promise<DemoProject> {
  const repository = join(folder, 'repository')
  mkdirSync(repository, { recursive: true })
  cpSync(example, repository, { recursive: true })
  await git(effects, repository, 'init', '-q', '-b', 'main')
  await commit(effects, repository, 'The ferry line: routes, fares, bookings')
  const configPath = join(folder, CONFIG_FILE)
  writeFileSync(configPath, await localConfig(readFileSync(join(example, CONFIG_FILE), 'utf8'), folder, repository))
  cpSync(join(example, 'profiles.yml'), join(folder, 'profiles.yml'))
  mkdirSync(join(folder, '.tidemill'), { recursive: true, mode: 0o700 })
  writeFileSync(join(folder, '.tidemill', 'secrets.yml'), `slack-webhook: ${webhook}\n`, { mode: 0o600 })
  return { folder, repository, configPath }
}

export async function breakProject(effects: Effects, { repository }: DemoProject): Promise<void> {
  appendFileSync(join(repository, 'seeds', 'fares.csv'), BAD_FARE)
  await commit(effects, repository, 'Van fare from Osthavn: on request')
}

/** Comments stay: it is a file to look at afterwards. */
async function localConfig(text: string, folder: string, repository: string): Promise<string> {
  const { parseDocument } = await import('yaml')
  const document = parseDocument(text)
  document.setIn(['project', 'repository'], pathToFileURL(repository).href)
  document.setIn(['environments', 'prod', 'variables', 'WAREHOUSE_PATH'], join(folder, 'warehouse.duckdb'))
  return document.toString({ lineWidth: 0 }).replace(/^# yaml-language-server:.*\n/, '')
}

async function commit(effects: Effects, repository: string, subject: string): Promise<void> {
  await git(effects, repository, 'add', '.')
  await git(effects, repository, 'commit', '-q', '-m', subject)
}

/** Nothing of the user's own git settings: hooks, signing and templates stay out of it. */
async function git(effects: Effects, cwd: string, ...args: string[]): Promise<void> {
  const inherited = Object.entries(effects.env).filter(([name]) => !name.startsWith('GIT_'))
  const env = { ...Object.fromEntries(inherited), GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  const identity = ['-c', 'user.name=Tidemill demo', '-c', 'user.email=demo@example.com']
  const { code, stderr } = await effects.execute('git', [...identity, ...args], { cwd, env, stdio: 'pipe', timeout: 60_000 })
  if (code !== 0)
    throw new UserError(`git ${args[0]} failed: ${stderr.trim() || 'git is not installed, or not on PATH'}`, {
      exitCode: EXIT.infrastructure,
    })
}
