/** Keys of ssh hosts. A container starts without any, so each is either published by the host or named in the configuration. */
import { type Refusal, refuse } from './refusal.ts'

/** As the hosts publish them (docs.github.com, docs.gitlab.com, support.atlassian.com). */
const PUBLISHED: Record<string, string> = {
  'github.com': 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl',
  'gitlab.com': 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf',
  'bitbucket.org': 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIazEu89wgQZ4bqs3d63QSMzYVa0MuJ2e2gKTKqu+UUO',
}

/** Host of an ssh address as known_hosts names it: `host`, or `[host]:port` where the port is not 22. */
export function sshHost(url: string): string | undefined {
  const [, long, port] = /^ssh:\/\/(?:[^@/]*@)?([\w.-]+)(?::(\d+))?\//i.exec(url) ?? []
  const short = /^(?:[\w.-]+@)?([\w.-]+):(?!\/\/)/.exec(url)?.[1]
  const host = (long ?? short)?.toLowerCase()
  return host && port && port !== '22' ? `[${host}]:${port}` : host
}

/** Lines for known_hosts: what the configuration names, else the published key; empty for a host of which nothing is known. */
export function knownHostsOf(url: string, named: readonly string[] = []): string[] {
  const host = sshHost(url)
  const published = host && Object.hasOwn(PUBLISHED, host) ? [`${host} ${PUBLISHED[host]}`] : []
  return named.length > 0 ? [...named] : published
}

/** One line of known_hosts, as `ssh-keyscan` prints it. */
export function readKnownHost(line: string): string | Refusal {
  const text = line.trim()
  return /^[^\s#@][^\s]* (ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]{40,}={0,3}( .*)?$/.test(text)
    ? text
    : refuse('is not a line of known_hosts; `ssh-keyscan HOST` prints them: host, kind of key, key')
}
