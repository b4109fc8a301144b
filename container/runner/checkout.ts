/** Brings the wanted commit of the repository into the work folder, and finds the dbt project in it. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, realpath, rm } from 'node:fs/promises'
import { join, sep } from 'node:path'
import type { Plan } from '../../shared/plan.ts'
import type { Commit } from '../../shared/run.ts'
import { StepFailure } from './failure.ts'
import { shownUrl } from './git-command.ts'
import { type GitFault, gitFault, gitWords } from './git-errors.ts'

export interface GitExit {
  code: number
  stdout: string
  stderr: string
}

export interface CheckoutDeps {
  /** Runs git in a folder; never rejects for an exit code. */
  git(args: string[], cwd: string): Promise<GitExit>
  wait(milliseconds: number): Promise<void>
  stopped(): boolean
  say(text: string): void
}

/** Seconds between tries when the host does not answer; some 40 s in all. */
const BACK_OFF = [2, 5, 10, 20]

export interface Checkout {
  commit: Commit
  projectDir: string
}

export async function checkout(repository: Plan['repository'], dir: string, deps: CheckoutDeps): Promise<Checkout> {
  await mkdir(dir, { recursive: true })
  await run(deps, ['init', '--quiet'], dir)
  await run(deps, ['remote', 'add', 'origin', repository.url], dir)
  if (repository.folder !== '.') await run(deps, ['sparse-checkout', 'set', '--cone', repository.folder], dir)
  const revision = await fetchRevision(repository, dir, deps)
  await overNetwork(repository, deps, () => deps.git(['checkout', '--quiet', '--force', '--detach', revision], dir))
  if (await reachesOut(join(dir, repository.folder)))
    await overNetwork(repository, deps, () => deps.git(['sparse-checkout', 'disable'], dir))
  if (repository.submodules)
    await overNetwork(repository, deps, () => deps.git(['submodule', 'update', '--init', '--recursive', '--depth', '1'], dir))
  return openCheckout(repository, dir, deps)
}

/** A project in a folder may take packages or models from beside it (`local: ../`); then all of the repository is needed. */
export async function reachesOut(project: string): Promise<boolean> {
  const texts = await Promise.all(
    ['packages.yml', 'dependencies.yml', 'dbt_project.yml'].map(name => readFile(join(project, name), 'utf8').catch(() => '')),
  )
  return texts.some(text => /(?:^|[\s"'[,])\.\.(?:[/"'\s,\]]|$)/.test(text))
}

/** What was checked out, made safe: its commit and its dbt project. */
export async function openCheckout(repository: Plan['repository'], dir: string, deps: CheckoutDeps): Promise<Checkout> {
  await dropOutwardLinks(dir, deps)
  const commit = await readCommit(dir, deps)
  return { commit, projectDir: await findProject(repository.folder, dir, commit, deps) }
}

async function fetchRevision(repository: Plan['repository'], dir: string, deps: CheckoutDeps): Promise<string> {
  // Of a project in a folder only its own files are brought; hosts that cannot filter send everything.
  const filter = repository.folder === '.' ? [] : ['--filter=blob:none']
  const shallow = ['fetch', '--quiet', '--no-tags', '--depth', '1', ...filter, 'origin']
  const { commit, branch } = repository
  if (!commit) {
    const fetched = await overNetwork(
      repository,
      deps,
      () => deps.git([...shallow, `+refs/heads/${branch}:refs/remotes/origin/${branch}`], dir),
      ['no-ref'],
    )
    if (fetched.code !== 0) throw await branchMissing(repository, dir, deps)
    return `refs/remotes/origin/${branch}`
  }
  if (/^[0-9a-f]{40}$/.test(commit)) {
    const fetched = await overNetwork(repository, deps, () => deps.git([...shallow, commit], dir), ['no-ref'])
    if (fetched.code === 0) return commit
  }
  // An abbreviated hash, or a host that gives out no single commits: the history tells, without the files.
  const history = ['fetch', '--quiet', '--no-tags', '--filter=blob:none', 'origin', '+refs/heads/*:refs/remotes/origin/*']
  await overNetwork(repository, deps, () => deps.git(history, dir))
  const found = await deps.git(['rev-parse', '--verify', '--quiet', `${commit}^{commit}`], dir)
  if (found.code !== 0)
    throw new StepFailure('source_not_found', `Commit ${commit} is on no branch of ${shownUrl(repository.url)}. Nothing was run.`)
  return found.stdout.trim()
}

/** Tries again while the host does not answer. Faults in `allowed` are given back, others become a failure of the step. */
async function overNetwork(
  repository: Plan['repository'],
  deps: CheckoutDeps,
  call: () => Promise<GitExit>,
  allowed: GitFault[] = [],
): Promise<GitExit> {
  for (let tries = 0; ; tries++) {
    const exit = await call()
    if (exit.code === 0) return exit
    const fault = gitFault(exit.stderr)
    if (allowed.includes(fault)) return exit
    const seconds = BACK_OFF[tries]
    if (fault !== 'network' || seconds === undefined || deps.stopped())
      throw sourceFailure(repository, fault, gitWords(exit.stderr), tries + 1)
    deps.say(`git: ${gitWords(exit.stderr)}; trying again in ${seconds} s`)
    await deps.wait(seconds * 1000)
  }
}

function sourceFailure(repository: Plan['repository'], fault: GitFault, words: string, tries: number): StepFailure {
  const url = shownUrl(repository.url)
  if (fault === 'auth') {
    const held = repository.secret === undefined ? '' : ` in secret ${repository.secret}`
    const what = {
      token: `the token${held}`,
      ssh: `the ssh key${held}`,
      codecommit: 'the task role',
      none: 'access without credentials',
    }[repository.credentials]
    if (/Host key verification failed/.test(words))
      return new StepFailure(
        'source_auth',
        `${url} showed another ssh key than the one known for it, so nothing was sent there. If the host has announced a new key, put it into project.credentials.known_hosts. git: ${words}`,
      )
    const hint =
      repository.credentials === 'none'
        ? 'Set project.credentials if the repository is private'
        : 'It may have expired or lack read access'
    return new StepFailure('source_auth', `${url} refused ${what}. ${hint}. git: ${words}`)
  }
  if (fault === 'no-repository')
    return new StepFailure(
      'source_not_found',
      `There is no git repository at ${url}, or the credentials may not see it. git: ${words}`,
    )
  if (fault === 'no-ref') return new StepFailure('source_not_found', `${url} does not have what was asked for. git: ${words}`)
  return new StepFailure(
    'source_unavailable',
    `${url} could not be reached in ${tries === 1 ? 'one try' : `${tries} tries`}. git: ${words}`,
  )
}

async function branchMissing(repository: Plan['repository'], dir: string, deps: CheckoutDeps): Promise<StepFailure> {
  const listed = await deps.git(['ls-remote', '--heads', 'origin'], dir)
  const branches = listed.stdout.split('\n').flatMap(line => /refs\/heads\/(.+)$/.exec(line)?.[1] ?? [])
  const some = branches.slice(0, 10).join(', ')
  const exist =
    branches.length === 0
      ? 'It has no branches yet.'
      : `It has: ${some}${branches.length > 10 ? ` and ${branches.length - 10} more` : ''}.`
  return new StepFailure(
    'source_not_found',
    `Branch "${repository.branch}" does not exist in ${shownUrl(repository.url)}. ${exist}`,
  )
}

async function readCommit(dir: string, deps: CheckoutDeps): Promise<Commit> {
  const { stdout } = await run(deps, ['log', '-1', '--format=%H%x00%an%x00%s%x00%cI'], dir)
  const [sha = '', author = '', subject = '', committedAt = ''] = stdout.trimEnd().split('\0')
  return { sha, author: author.slice(0, 200), subject: subject.slice(0, 300), committedAt: new Date(committedAt).toISOString() }
}

/** A link that leads out of the clone could show dbt a file of the machine; it is taken away before dbt runs. */
async function dropOutwardLinks(dir: string, deps: CheckoutDeps): Promise<void> {
  const { stdout } = await run(deps, ['ls-files', '--stage', '--recurse-submodules', '-z'], dir)
  const root = await realpath(dir)
  for (const entry of stdout.split('\0')) {
    if (!entry.startsWith('120000 ')) continue
    const path = entry.slice(entry.indexOf('\t') + 1)
    const target = await realpath(join(dir, path)).catch(() => undefined)
    if (target === undefined || target.startsWith(root + sep)) continue
    await rm(join(dir, path))
    deps.say(`git: ${path} is a link that leads out of the repository; it was left out`)
  }
}

async function findProject(folder: string, dir: string, commit: Commit, deps: CheckoutDeps): Promise<string> {
  const projectDir = join(dir, folder)
  if (existsSync(join(projectDir, 'dbt_project.yml'))) return projectDir
  const { stdout } = await run(deps, ['ls-tree', '-r', '--name-only', '-z', 'HEAD'], dir)
  const found = stdout
    .split('\0')
    .filter(path => path === 'dbt_project.yml' || path.endsWith('/dbt_project.yml'))
    .map(path => path.slice(0, -'/dbt_project.yml'.length) || '.')
  const where =
    folder === '.'
      ? 'at the root of the repository'
      : existsSync(projectDir)
        ? `in folder "${folder}"`
        : `because folder "${folder}" does not exist`
  const instead =
    found.length > 0
      ? `There is one in: ${found.slice(0, 10).join(', ')}. Set project.folder.`
      : `Nowhere in the repository is one${existsSync(projectDir) ? `; the folder holds ${await listing(projectDir)}` : ''}.`
  throw new StepFailure('source_not_found', `No dbt_project.yml ${where} at commit ${commit.sha.slice(0, 7)}. ${instead}`)
}

async function listing(dir: string): Promise<string> {
  const names = (await readdir(dir)).filter(name => name !== '.git')
  return names.length === 0 ? 'nothing' : names.slice(0, 10).join(', ')
}

/** A git command that works on local files: its failure is ours or the disk's. */
async function run(deps: CheckoutDeps, args: string[], dir: string): Promise<GitExit> {
  const exit = await deps.git(args, dir)
  if (exit.code !== 0) {
    const full = /No space left on device/i.test(exit.stderr)
    throw new StepFailure(full ? 'disk_full' : 'internal', `git ${args[0]} failed: ${gitWords(exit.stderr)}`)
  }
  return exit
}
