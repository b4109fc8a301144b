/** Starts git with the right access, and keeps what it says. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { knownHostsOf, sshHost } from '../../shared/git-hosts.ts'
import type { Plan } from '../../shared/plan.ts'
import type { GitExit } from './checkout.ts'
import { runChild } from './child.ts'
import { childEnvironment, type Environment } from './environment.ts'
import { StepFailure } from './failure.ts'
import { codeCommitToken, codeCommitUrl, parseCodeCommit } from './git-codecommit.ts'
import { credentialText, type GitAccess, gitEnvironment } from './git-command.ts'
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
  /** For a program that calls git itself: settings and access to the repository's own host, no secret among them. */
  settings: Environment
  /** Removes keys and tokens from the disk: before anything of the repository runs. */
  close(): Promise<void>
}

export interface GitDeps {
  plan: Plan
  all: Environment
  home: string
  secrets: GitSecrets
  credentials(): Promise<AwsCredentials>
  now(): Date
  stop: AbortSignal
}

export async function openGit(deps: GitDeps): Promise<Git> {
  const { plan, home } = deps
  const codeCommit = plan.repository.credentials === 'codecommit' ? parseCodeCommit(plan.repository.url) : undefined
  const url = codeCommit ? codeCommitUrl(codeCommit) : plan.repository.url
  await mkdir(home, { recursive: true, mode: 0o700 })
  const credentialFile = join(home, 'git-credential')
  const access = await accessOf()
  const base = childEnvironment(deps.all, home)
  const { LC_ALL: _, ...settings } = gitEnvironment({}, url, access)
  return {
    repository: { ...plan.repository, url },
    async git(args, cwd) {
      // The signature is good for 15 minutes.
      if (codeCommit) await keepCredential(codeCommitToken(codeCommit, await deps.credentials(), deps.now()))
      const kept = { stdout: '', stderr: '' }
      const exit = await runChild(
        { file: 'git', args, cwd, env: gitEnvironment(base, url, access) },
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
    settings,
    close: () => rm(home, { recursive: true, force: true }),
  }

  async function accessOf(): Promise<GitAccess> {
    const kind = plan.repository.credentials
    if (kind === 'codecommit') return { kind, credentialFile }
    if (kind === 'token') {
      if (!deps.secrets.token?.trim())
        throw new StepFailure('source_auth', 'The secret with the git token is empty. Store a token in it.')
      await keepCredential(deps.secrets.token.trim())
      return { kind, credentialFile }
    }
    if (kind !== 'ssh') return { kind }
    if (!deps.secrets.sshKey?.trim())
      throw new StepFailure('source_auth', 'The secret with the ssh key is empty. Store a private key in it.')
    const hosts = knownHostsOf(plan.repository.url, plan.repository.knownHosts)
    if (hosts.length === 0)
      throw new StepFailure(
        'source_auth',
        `The key of the ssh host ${sshHost(plan.repository.url)} is not known. Put the lines of \`ssh-keyscan\` into project.credentials.known_hosts.`,
      )
    const [keyFile, knownHostsFile] = [join(home, 'git-key'), join(home, 'known_hosts')]
    // OpenSSH wants the line end that forms and command lines like to lose.
    await writeFile(keyFile, `${deps.secrets.sshKey.trim()}\n`, { mode: 0o600 })
    await writeFile(knownHostsFile, `${hosts.join('\n')}\n`, { mode: 0o600 })
    return { kind, keyFile, knownHostsFile }
  }

  function keepCredential(token: string): Promise<void> {
    return writeFile(credentialFile, credentialText(url, token), { mode: 0o600 })
  }
}
