/** What `npm run bench:peers` measures. */
import { join } from 'node:path'
import { type Figure, figureOf } from './figures.ts'
import { mustBeBuilt, PEERS, type Peer, preparePeer } from './peer-run.ts'
import { makeProject } from './project.ts'
import type { Options, Part, Values } from './rounds.ts'
import { DEFAULT_JOB, mustSucceed, ratios } from './runner-job.ts'
import { timeRunner } from './start.ts'

export function peerParts({ pairs, quick }: Options): Part[] {
  const [slow, others] = [PEERS.filter(peer => peer.slow), PEERS.filter(peer => !peer.slow)]
  return [peersPart('peers', others, pairs), ...(quick ? [] : [peersPart('slow', slow, pairs)])]
}

function peersPart(name: string, peers: Peer[], rounds: number): Part {
  return {
    name,
    rounds,
    async start(bench) {
      const project = makeProject(bench, 200, 100)
      const ready = new Map<string, () => Promise<number>>()
      for (const peer of peers) ready.set(peer.name, await preparePeer(bench, project, peer))
      return async () => {
        const job = mustSucceed(await timeRunner(bench, project, { steps: DEFAULT_JOB })).stored
        await mustBeBuilt(bench, join(bench.folder, 'bench.duckdb'), project)
        const values: Values = { job }
        for (const [name, time] of ready) values[name] = await time()
        return values
      }
    },
    figures: all => [
      ...seconds(`the runner’s default job (beside ${peers.map(peer => peer.name).join(', ')})`, 'job', all),
      ...peers.flatMap(peer => figuresOf(peer, all)),
    ],
  }
}

const seconds = (name: string, key: string, all: Values[]): Figure[] =>
  figureOf(
    { name, unit: 's', target: null },
    all.map(values => values[key] ?? Number.NaN),
  )

const figuresOf = ({ name, title }: Peer, all: Values[]): Figure[] => [
  ...seconds(title, name, all),
  ...figureOf({ name: `the runner’s default job against ${title}`, unit: '×', target: 1 }, ratios(all, 'job', name)),
]
