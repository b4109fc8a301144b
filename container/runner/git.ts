/** Starts git with the right access, and keeps what it says. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plan } from '../../shared/plan.ts'
import type { GitExit } from './checkout.ts'
import { runChild } from './child.ts'
import { childEnvironment, type Environment } from './environment.ts'
import { StepFailure } from './failure.ts'
import { codeCommitToken, codeCommitUrl, parseCodeCommit } from './git-codecommit.ts'
import { type GitAccess, gitEnvironment } from './git-command.ts'
import type { AwsCredentials } from './store.ts'

export interface GitSecrets {
  token?: string
  sshKey?: string
}

/** Output kept of a call; `ls-remote` of a large repository is the longest. */
const KEPT_BYTES = 8 * 1024 * 1024

export interface Git {
  /** The repository with the address that git understands. */
  repository: Plan['repository']
  git(args: string[], cwd: string): Promise<GitExit>
}

export async function openGit(deps: {
  plan: Plan
  all: Environment
  home: string
  secrets: GitSecrets
  credentials(): Promise<AwsCredentials>
  now(): Date
  stop: AbortSignal
}): Promise<Git> {
  const { plan } = deps
  const codeCommit = plan.repository.credentials === 'codecommit' ? parseCodeCommit(plan.repository.url) : undefined
  const url = codeCommit ? codeCommitUrl(codeCommit) : plan.repository.url
  const access = await accessOf()
  const base = childEnvironment(deps.all, deps.home)
  return {
    repository: { ...plan.repository, url },
    async git(args, cwd) {
      const fresh = codeCommit ? { ...access, token: codeCommitToken(codeCommit, await deps.credentials(), deps.now()) } : access
      const kept = { stdout: '', stderr: '' }
      const exit = await runChild(
        { file: 'git', args, cwd, env: gitEnvironment(base, url, fresh) },
        {
          line(text, source) {
            if (kept[source].length < KEPT_BYTES) kept[source] += `${text}\n`
          },
          stop: deps.stop,
          graceMilliseconds: 5_000,
        },
      )
      if (exit.startError) throw new StepFailure('internal', `git could not be started: ${exit.startError.message}`)
      return { code: exit.code ?? 128, ...kept }
    },
  }

  async function accessOf(): Promise<GitAccess> {
    const kind = plan.repository.credentials
    if (kind === 'token' && !deps.secrets.token)
      throw new StepFailure('source_auth', 'The secret with the git token is empty. Store a token in it.')
    if (kind === 'ssh' && !deps.secrets.sshKey)
      throw new StepFailure('source_auth', 'The secret with the ssh key is empty. Store a private key in it.')
    if (kind === 'token') return { kind, token: deps.secrets.token?.trim() ?? '' }
    if (kind !== 'ssh') return { kind }
    const keyFile = join(deps.home, 'git-key')
    // OpenSSH wants the line end that forms and command lines like to lose.
    await writeFile(keyFile, `${deps.secrets.sshKey?.trim()}\n`, { mode: 0o600 })
    return { kind, keyFile, knownHostsFile: join(deps.home, 'known_hosts') }
  }
}
