/** How git is called: settings come with its environment, credentials from a file of our own that is gone before dbt runs. */

export interface GitAccess {
  kind: 'none' | 'token' | 'ssh' | 'codecommit'
  /** File with user and password in git's form, readable by us only. */
  credentialFile?: string
  /** File with the private key, readable by us only. */
  keyFile?: string
  knownHostsFile?: string
}

/** User name that goes with a token. Hosts that are not here take any. */
const TOKEN_USERS: Record<string, string> = { 'bitbucket.org': 'x-token-auth', 'gitlab.com': 'oauth2' }

/**
 * Environment of a git process. The credential helper is chosen over an `http.extraheader`, because git asks it only for the
 * repository's own host (a header also goes where a redirect leads) and then says plainly that a token was refused.
 * The token stands in a file and in no environment or argument, so no process shows it.
 */
export function gitEnvironment(base: Readonly<Record<string, string>>, url: string, access: GitAccess): Record<string, string> {
  const origin = httpOrigin(url)
  const settings: [string, string][] = [
    // Nothing that a repository contains may run.
    ['core.hooksPath', '/dev/null'],
    ['core.fsmonitor', 'false'],
    ['protocol.ext.allow', 'never'],
    ['credential.helper', ''],
    ['advice.detachedHead', 'false'],
    ['gc.auto', '0'],
    ['http.lowSpeedLimit', '1000'],
    ['http.lowSpeedTime', '60'],
    // A submodule or package may not lead into the file system of the task.
    ['protocol.file.allow', /^file:/.test(url) ? 'user' : 'never'],
  ]
  if (origin !== undefined && access.credentialFile !== undefined) {
    settings.push([`credential.${origin}.helper`, `!f() { test "$1" = get && cat '${access.credentialFile}'; }; f`])
    // CodeCommit signs the path of the repository.
    settings.push([`credential.${origin}.useHttpPath`, 'true'])
  }
  return {
    ...base,
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_ASKPASS: '/bin/false',
    ...Object.fromEntries(
      settings.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
    GIT_CONFIG_COUNT: String(settings.length),
    ...(access.keyFile && { GIT_SSH_COMMAND: sshCommand(access.keyFile, access.knownHostsFile) }),
  }
}

/** What the credential helper answers. `token`: a token, or `user:password`. */
export function credentialText(url: string, token: string): string {
  const colon = token.indexOf(':')
  const user = colon > 0 ? token.slice(0, colon) : (TOKEN_USERS[new URL(url).hostname] ?? 'x-access-token')
  return `username=${user}\npassword=${colon > 0 ? token.slice(colon + 1) : token}\n`
}

/** The hosts' keys are pinned: a host that is not in the file, or shows another key, is refused. */
const sshCommand = (keyFile: string, knownHostsFile = '/dev/null') =>
  `ssh -i '${keyFile}' -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=4 -o StrictHostKeyChecking=yes -o UserKnownHostsFile='${knownHostsFile}' -o GlobalKnownHostsFile=/dev/null -F /dev/null`

function httpOrigin(url: string): string | undefined {
  if (!/^https?:\/\//.test(url)) return undefined
  return new URL(url).origin
}

/** Address without anything that should not be shown. */
export const shownUrl = (url: string) => url.replace(/^(\w+:\/\/)[^/@]*@/, '$1')
