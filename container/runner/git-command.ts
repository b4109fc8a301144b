/** How git is called: settings and credentials come with the environment of the one process, never in its arguments or files. */

export interface GitAccess {
  kind: 'none' | 'token' | 'ssh' | 'codecommit'
  /** A token, or `user:password`. */
  token?: string
  /** File with the private key, readable by us only. */
  keyFile?: string
  knownHostsFile?: string
}

/** User name that goes with a token. Hosts that are not here take any. */
const TOKEN_USERS: Record<string, string> = { 'bitbucket.org': 'x-token-auth', 'gitlab.com': 'oauth2' }

const USER = 'TIDEMILL_GIT_USER'
const PASSWORD = 'TIDEMILL_GIT_PASSWORD'

/**
 * Environment of a git process. The credential helper is chosen over an `http.extraheader`, because git asks it only for the
 * repository's own host (a header also goes where a redirect leads) and then says plainly that a token was refused.
 * The token stands in the environment of git and its transport only; nothing else runs until they are gone.
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
  ]
  const withToken = origin !== undefined && access.token !== undefined
  if (withToken) {
    settings.push([
      `credential.${origin}.helper`,
      `!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$${USER}" "$${PASSWORD}"; }; f`,
    ])
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
    ...(withToken && userAndPassword(new URL(url).hostname, access.token ?? '')),
    ...(access.keyFile && { GIT_SSH_COMMAND: sshCommand(access.keyFile, access.knownHostsFile) }),
  }
}

function userAndPassword(host: string, token: string): Record<string, string> {
  const colon = token.indexOf(':')
  return colon > 0
    ? { [USER]: token.slice(0, colon), [PASSWORD]: token.slice(colon + 1) }
    : { [USER]: TOKEN_USERS[host] ?? 'x-access-token', [PASSWORD]: token }
}

/** A new container knows no host key: the first one it meets is taken, for this run only. */
const sshCommand = (keyFile: string, knownHostsFile = '/dev/null') =>
  `ssh -i '${keyFile}' -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=20 -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile='${knownHostsFile}' -F /dev/null`

function httpOrigin(url: string): string | undefined {
  if (!/^https?:\/\//.test(url)) return undefined
  return new URL(url).origin
}

/** Address without anything that should not be shown. */
export const shownUrl = (url: string) => url.replace(/^(\w+:\/\/)[^/@]*@/, '$1')
