/** What is different from the last good run before. Pure. */
import type { IndexRun, RunNode } from '../../shared/history-index.ts'

/** The newest run before it that ended well with the job's own steps. `runs`: of the job. */
export const lastGood = (runs: readonly IndexRun[], id: string): IndexRun | undefined =>
  runs
    .filter(run => run.id < id && (run.status === 'success' || run.status === 'warn') && !run.overrides)
    .reduce<IndexRun | undefined>((last, run) => (last && last.id > run.id ? last : run), undefined)

export interface NodeChanges {
  failing: RunNode[]
  added: RunNode[]
  removed: RunNode[]
  /** Twice as slow and by ten seconds at least. */
  slower: { node: RunNode; before: number; now: number }[]
}
const SLOWER = { times: 2, seconds: 10 } as const
const isBad = ({ status }: RunNode) => status === 'error' || status === 'fail'

export function compareNodes(before: readonly RunNode[], now: readonly RunNode[]): NodeChanges {
  const old = new Map(before.map(node => [node.uniqueId, node]))
  const ids = new Set(now.map(node => node.uniqueId))
  return {
    failing: now.filter(node => isBad(node) && !(old.has(node.uniqueId) && isBad(old.get(node.uniqueId) as RunNode))),
    added: now.filter(node => !old.has(node.uniqueId)),
    removed: before.filter(node => !ids.has(node.uniqueId)),
    slower: now
      .flatMap(node => {
        const [was, took] = [old.get(node.uniqueId)?.executionSeconds, node.executionSeconds]
        if (was === undefined || took === undefined) return []
        return took > SLOWER.times * was && took > was + SLOWER.seconds ? [{ node, before: was, now: took }] : []
      })
      .sort((a, b) => b.now - b.before - (a.now - a.before)),
  }
}

/** Page of the git host that shows what is between two commits; only for hosts whose addresses are known. */
export function compareUrl(repository: string, from: string, to: string): string | undefined {
  const [, host = '', path = ''] =
    /^(?:https:\/\/|ssh:\/\/git@|git@)(github\.com|gitlab\.com|bitbucket\.org)[/:](.+?)(?:\.git)?\/?$/.exec(repository) ?? []
  if (!/^\w[\w.-]*(\/\w[\w.-]*)+$/.test(path) || !isSha(from) || !isSha(to)) return undefined
  if (host === 'gitlab.com') return `https://${host}/${path}/-/compare/${from}...${to}`
  return host === 'bitbucket.org'
    ? `https://${host}/${path}/branches/compare/${to}..${from}`
    : `https://${host}/${path}/compare/${from}...${to}`
}
const isSha = (text: string) => /^[0-9a-f]{7,64}$/.test(text)
