/** What dbt's package-lock.yml says: whether the same file always means the same packages. */
import { parse } from 'yaml'

/**
 * Every package is fixed: one version of the hub, one commit of a git repository. A local package is a link into the
 * project, a tarball may change behind its address.
 */
export function isPinned(lock: string): boolean {
  let data: unknown
  try {
    data = parse(lock)
  } catch {
    return false
  }
  const packages = typeof data === 'object' && data !== null && 'packages' in data ? data.packages : undefined
  return Array.isArray(packages) && packages.length > 0 && packages.every(isFixed)
}

function isFixed(entry: unknown): boolean {
  if (typeof entry !== 'object' || entry === null) return false
  const { package: hub, version, git, private: own, revision } = entry as Record<string, unknown>
  if (typeof hub === 'string') return typeof version === 'string' && /^=?\d[\w.+-]*$/.test(version)
  return (typeof git === 'string' || typeof own === 'string') && typeof revision === 'string' && /^[0-9a-f]{40}$/.test(revision)
}
