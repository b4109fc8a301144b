/** The default job, cold and warm, against a shell script and against `dbt build` alone. */
import type { PlanStep } from '../shared/plan.ts'
import { figureOf } from './figures.ts'
import { changeOneModel, makeProject } from './project.ts'
import type { Part, Values } from './rounds.ts'
import { type RunnerTimes, timeRunner, timeShell } from './start.ts'

const SCRIPT = 'dbt deps && dbt seed && dbt run && dbt test && dbt docs generate'
const BUILD = 'dbt build'
/** These rounds leave at most 2.5 themselves, on two cores. */
const MAX_LOAD = 3

const step = (index: number, kind: PlanStep['kind'], args: string[] = [], required = true): PlanStep => ({
  index,
  name: kind === 'dbt' ? 'build' : kind,
  kind,
  args,
  required,
})
export const BUILD_JOB = [step(0, 'checkout'), step(1, 'dbt', ['build'])]
export const DEFAULT_JOB = [
  step(0, 'checkout'),
  step(1, 'deps', ['deps']),
  step(2, 'freshness', ['source', 'freshness'], false),
  step(3, 'dbt', ['build']),
  step(4, 'docs', ['docs', 'generate'], false),
]

export function mustSucceed(times: RunnerTimes): RunnerTimes {
  const { outcome, docsUploaded, message, steps } = times.result
  if (outcome !== 'success' || (steps.length > 2 && !docsUploaded))
    throw new Error(`the runner did not succeed: ${outcome} ${message}`)
  return times
}

export interface JobSize {
  models: number
  tests: number
  /** Targets against the script; `build`: against `dbt build` alone, with the garbage collector on beside it. */
  cold: number
  warm: number
  build?: number
}

export function jobPart(size: JobSize, rounds: number): Part {
  const title = `default job, ${size.models} models`
  return {
    name: `job-${size.models}`,
    rounds,
    maxLoad: MAX_LOAD,
    async start(bench) {
      const project = makeProject(bench, size.models, size.tests)
      return async round => {
        const script = await timeShell(bench, project, SCRIPT)
        // A pair shares its environment, and no other one.
        const environment = `prod-${size.models}-${round}-${process.pid}`
        const job = mustSucceed(await timeRunner(bench, project, { steps: DEFAULT_JOB, environment })).stored
        changeOneModel(bench, project, round)
        const warm = mustSucceed(await timeRunner(bench, project, { steps: DEFAULT_JOB, environment })).stored
        if (size.build === undefined) return { script, job, warm }
        const build = await timeShell(bench, project, BUILD)
        const collect = mustSucceed(await timeRunner(bench, project, { steps: DEFAULT_JOB, host: 'collect' })).stored
        return { script, job, warm, build, collect }
      }
    },
    figures: all => [
      ...figureOf(
        { name: `${title}, caches cold, against the script`, unit: '×', target: size.cold },
        ratios(all, 'job', 'script'),
      ),
      ...figureOf(
        { name: `${title}, warm after a one-model commit, against the script`, unit: '×', target: size.warm },
        ratios(all, 'warm', 'script'),
      ),
      ...figureOf(
        { name: `${title}, caches cold, garbage collector on, against the script`, unit: '×', target: null },
        ratios(all, 'collect', 'script'),
      ),
      ...figureOf(
        { name: `${title}, against plain dbt build alone`, unit: '×', target: size.build ?? null },
        ratios(all, 'job', 'build'),
      ),
    ],
  }
}

/** Of the rounds that have both. */
export const ratios = (rounds: readonly Values[], ours: string, theirs: string): number[] =>
  rounds.flatMap(({ [ours]: a, [theirs]: b }) => (a === undefined || b === undefined ? [] : [a / b]))

/** What the runner adds to one `dbt build` that is a process of its own: beyond 5 %, in seconds. */
export const buildPart = (rounds: number): Part => ({
  name: 'build',
  rounds,
  maxLoad: MAX_LOAD,
  async start(bench) {
    const project = makeProject(bench, 200, 100)
    return async () => {
      const plain = await timeShell(bench, project, BUILD)
      const { result } = mustSucceed(await timeRunner(bench, project, { steps: BUILD_JOB, host: 'off' }))
      const { startedAt = '', endedAt = '' } = result.steps[1] ?? {}
      return { plain, step: (Date.parse(endedAt) - Date.parse(startedAt)) / 1000 }
    }
  },
  figures: all =>
    figureOf(
      { name: 'dbt build step under the runner, plain process, beyond 1.05 × plain dbt build', unit: 's', target: 0.3 },
      all.map(({ plain = Number.NaN, step: ours = Number.NaN }) => ours - 1.05 * plain),
    ),
})
