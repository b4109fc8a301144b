/** Whether the repositories and branches of a configuration are there, as git on this machine sees them. */
import type { Config, ProjectConfig } from '../shared/config-model.ts'
import { UserError } from '../shared/errors.ts'
import { oneLine } from '../shared/format.ts'
import { EXIT } from '../shared/reasons.ts'
import { meant } from '../shared/suggest.ts'
import type { Effects } from './effects.ts'

export interface RepositoryProblem {
  message: string
  hint: string
}

/** Milliseconds for one repository. */
const TIMEOUT = 20_000

export async function checkRepositories(effects: Effects, config: Config): Promise<RepositoryProblem[]> {
  await requireGit(effects)
  const found = await Promise.all(
    Object.values(config.projects).map(project => checkRepository(effects, project, branchesOf(config, project))),
  )
  return found.flat()
}

const branchesOf = (config: Config, project: ProjectConfig) => [
  ...new Set(
    Object.values(config.environments).flatMap(environment => (environment.project === project.name ? environment.branch : [])),
  ),
]

async function requireGit(effects: Effects): Promise<void> {
  const { code } = await effects.execute('git', ['--version'], { cwd: effects.cwd, stdio: 'pipe', timeout: TIMEOUT })
  if (code !== 0)
    throw new UserError('git is not installed, or not on PATH.', {
      hint: 'Install git, then try again.',
      exitCode: EXIT.infrastructure,
    })
}

async function checkRepository(effects: Effects, project: ProjectConfig, branches: string[]): Promise<RepositoryProblem[]> {
  if (project.repository.startsWith('codecommit:')) return []
  const { code, stdout, stderr } = await effects.execute('git', ['ls-remote', '--heads', '--', project.repository], {
    cwd: effects.cwd,
    stdio: 'pipe',
    timeout: TIMEOUT,
    // Never waits for a password on the terminal.
    env: { ...effects.env, GIT_TERMINAL_PROMPT: '0', GIT_SSH_COMMAND: effects.env.GIT_SSH_COMMAND ?? 'ssh -o BatchMode=yes' },
  })
  if (code !== 0)
    return [
      {
        message: `The repository ${project.repository} of project ${project.name} cannot be reached: ${gitWords(code, stderr)}`,
        hint: 'Check the address under project.repository, the network, and that you may read it.',
      },
    ]
  const heads = stdout.split('\n').flatMap(line => /\trefs\/heads\/(.+)$/.exec(line)?.[1] ?? [])
  return branches
    .filter(branch => !heads.includes(branch))
    .map(branch => ({
      message: `The repository ${project.repository} has no branch "${branch}"${meant(branch, heads)}`,
      hint: 'Correct the branch of the environment, or push it.',
    }))
}

/** The line of git that says why. */
function gitWords(code: number, stderr: string): string {
  if (code === 124) return `no answer within ${TIMEOUT / 1000} s`
  const lines = stderr.split('\n').filter(line => line.trim() !== '')
  return oneLine(lines.find(line => /^(fatal|error|ssh):/i.test(line)) ?? lines.at(-1) ?? 'git says nothing', 300)
}
