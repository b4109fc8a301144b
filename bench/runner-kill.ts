/** Runner and dbt killed at a random node, the task's disk deleted, and the run resumed as finisher and dispatcher do it. */
import type { ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gatherRemains, keepResume } from '../lambda/common/end-remains.ts'
import { makeRuntime } from '../lambda/common/runtime.ts'
import { KEY } from '../shared/contract.ts'
import type { Plan, RunnerResult } from '../shared/plan.ts'
import type { AttemptLedger } from '../shared/resume.ts'
import type { RunRecord } from '../shared/run.ts'
import { figureOf } from './figures.ts'
import { builtNames, type KillProject, makeKillProject } from './kill-project.ts'
import type { Part, Values } from './rounds.ts'
import { BUILD_JOB } from './runner-job.ts'
import { type Bench, endOf, planOf, runnerEnvironment, startRunner } from './start.ts'

export const killPart = (trials: number, seed: number | undefined): Part => ({
  name: 'kill',
  rounds: trials,
  atOnce: 4,
  async start(bench) {
    const project = makeKillProject(bench)
    return round => makeTrial(bench, project, seed ?? randomInt(2 ** 31), round)
  },
  figures: all =>
    figureOf(
      {
        name: 'kill -9 of runner and dbt at a random node, disk deleted, resumed: trials in which every remaining node was built once and none again whose end had reached the bucket',
        unit: `of ${Math.max(all.length, trials)}`,
        target: Math.max(all.length, trials),
        atLeast: true,
        of: samples => samples.reduce((sum, held) => sum + held, 0),
      },
      all.map(({ held = 0 }) => held),
    ),
})

async function makeTrial(bench: Bench, project: KillProject, seed: number, round: number): Promise<Values> {
  const random = randomOf(seed)
  const folder = join(bench.folder, `trial-${round}`)
  mkdirSync(folder)
  const trial = { work: join(folder, 'work'), database: join(folder, 'bench.duckdb') }
  for (;;) {
    for (const path of [trial.database, `${trial.database}.wal`]) rmSync(path, { force: true })
    copyFileSync(project.database, trial.database)
    const plan = planOf(bench, project, { steps: BUILD_JOB }, trial.database)
    const startedAt = new Date().toISOString()
    const node = 1 + Math.floor(random() * project.ids.length)
    if (!(await killAt(bench, plan, trial.work, { node, milliseconds: random() * 800, dbtFirst: random() < 0.5 }))) continue
    rmSync(trial.work, { recursive: true, force: true })
    const before = builtNames(bench, trial.database)
    const { next, ledgers } = await resumed(bench, plan, startedAt)
    const second = startRunner(bench, await runnerEnvironment(bench, next, trial.work))
    await endOf(second, 'the runner', true)
    const result = JSON.parse(await bench.cloud.text(KEY.result(next.prefixes.attempt))) as RunnerResult
    const built = builtNames(bench, trial.database).slice(before.length)
    const wrong = faultsOf({ project, result, first: doneIn(ledgers), second: await doneNow(bench, next), built })
    for (const fault of wrong) process.stderr.write(`seed ${seed}: ${fault}\n`)
    rmSync(folder, { recursive: true, force: true })
    return {
      held: wrong.length === 0 ? 1 : 0,
      seed,
      node,
      stored: doneIn(ledgers).length,
      before: before.length,
      built: built.length,
    }
  }
}

/** What contradicts the promise, in words. */
function faultsOf(trial: {
  project: KillProject
  result: RunnerResult
  /** Nodes whose end was in the bucket when the runner was dead, and those of the next attempt. */
  first: string[]
  second: string[]
  /** What the warehouse got from the next attempt. */
  built: string[]
}): string[] {
  const { project, result, first, second, built } = trial
  const left = project.ids.filter(id => !first.includes(id))
  // Tests leave nothing in the warehouse.
  const tables = left.filter(id => !id.startsWith('test.')).map(id => id.split('.')[2] ?? '')
  return [
    ...(result.outcome === 'success' ? [] : [`the next attempt ended with ${result.outcome}: ${result.message}`]),
    ...(same(second, left) ? [] : [`left were ${left}; the next attempt says that it did ${second}`]),
    ...(same(built, tables) ? [] : [`left were ${tables}; the warehouse got ${built}`]),
  ]
}

const same = (a: string[], b: string[]) => JSON.stringify([...a].sort()) === JSON.stringify([...b].sort())

/** False: the run had ended before. */
async function killAt(
  bench: Bench,
  plan: Plan,
  work: string,
  moment: { node: number; milliseconds: number; dbtFirst: boolean },
): Promise<boolean> {
  const child = startRunner(bench, await runnerEnvironment(bench, plan, work), 'pipe')
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  const reached = new Promise<boolean>(resolve => {
    let output = ''
    child.stdout?.on('data', chunk => {
      output += chunk
      if ((output.match(/ of \d+ START /g) ?? []).length >= moment.node) resolve(true)
    })
    void ended.then(() => resolve(false))
  })
  await reached
  await sleep(moment.milliseconds)
  if (child.exitCode !== null) return false
  const groups = childrenOf(child)
  const deaths = [...groups.map(pid => -pid), child.pid ?? 0]
  for (const pid of moment.dbtFirst ? deaths : deaths.reverse()) process.kill(pid, 'SIGKILL')
  await ended
  while (groups.some(pid => existsSync(`/proc/${pid}/exe`))) await sleep(5)
  return bench.cloud.storedAt(KEY.result(plan.prefixes.attempt)) === undefined
}

/** Each is the leader of a group. */
function childrenOf({ pid }: ChildProcess): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}

/** The plan of the next attempt. */
async function resumed(bench: Bench, plan: Plan, startedAt: string): Promise<{ next: Plan; ledgers: AttemptLedger[] }> {
  const deps = {
    ...makeRuntime('bench'),
    bucket: bench.cloud.bucket,
    // No task of ECS, no log stream.
    logs: { tail: async () => [] },
    installation: 'bench',
    log: () => undefined,
  }
  // Of a record they read where it is and which attempts there were.
  const run = { ...plan.run, attempts: [{ number: 1, startedAt }] } as unknown as RunRecord
  const { ledgers } = await gatherRemains(deps, run, 1, { started: true }, undefined)
  const { resume } = await keepResume(deps, run, { status: 'error', reason: 'infrastructure' }, ledgers)
  const prefixes = { ...plan.prefixes, attempt: KEY.attempt(plan.run, 2) }
  if (!resume) return { next: { ...plan, attempt: 2, prefixes }, ledgers }
  const { key, sha256, commit } = resume
  return { next: { ...plan, attempt: 2, prefixes, repository: { ...plan.repository, commit }, resume: { key, sha256 } }, ledgers }
}

const doneIn = (ledgers: readonly AttemptLedger[]) =>
  ledgers.flatMap(({ nodes }) =>
    nodes.filter(({ node }) => node.status === 'success' && node.resourceType !== 'operation').map(({ node }) => node.uniqueId),
  )

/** As the parts of an attempt have it: a node that ran twice is there twice. */
async function doneNow({ cloud }: Bench, { prefixes }: Plan): Promise<string[]> {
  const keys = await cloud.bucket.list(`${prefixes.attempt}parts/`, 1000)
  const texts = await Promise.all(keys.map(key => cloud.text(key)))
  const lines = texts.flatMap(text => text.trimEnd().split('\n')).map(line => JSON.parse(line) as Record<string, unknown>)
  return lines.flatMap(line =>
    line.type === 'node' && line.status === 'success' && line.resourceType !== 'operation' ? [String(line.uniqueId)] : [],
  )
}

/** Numbers from 0 to 1 that a seed gives again (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
