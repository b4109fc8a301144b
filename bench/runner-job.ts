/** The default job, cold and warm, against a shell script and against `dbt build` alone. */
import type { PlanStep } from '../shared/plan.ts'
import { type Figure, figureOf } from './figures.ts'
import { type BenchProject, changeOneModel, makeProject } from './project.ts'
import { type Bench, type RunnerTimes, timeRunner, timeShell } from './start.ts'

const SCRIPT = 'dbt deps && dbt seed && dbt run && dbt test && dbt docs generate'
const BUILD = 'dbt build'

const step = (index: number, kind: PlanStep['kind'], args: string[] = [], required = true): PlanStep => ({
  index,
  name: kind === 'dbt' ? 'build' : kind,
  kind,
  args,
  required,
})
const BUILD_JOB = [step(0, 'checkout'), step(1, 'dbt', ['build'])]
export const DEFAULT_JOB = [
  step(0, 'checkout'),
  step(1, 'deps', ['deps']),
  step(2, 'freshness', ['source', 'freshness'], false),
  step(3, 'dbt', ['build']),
  step(4, 'docs', ['docs', 'generate'], false),
]

function mustSucceed(times: RunnerTimes): RunnerTimes {
  const { outcome, docsUploaded, message, steps } = times.result
  if (outcome !== 'success' || (steps.length > 2 && !docsUploaded))
    throw new Error(`the runner did not succeed: ${outcome} ${message}`)
  return times
}

export async function measureJob(
  bench: Bench,
  size: { models: number; tests: number; cold: number; warm: number; build?: number },
  pairs: number,
  say: (text: string) => void,
): Promise<Figure[]> {
  const project = makeProject(bench.folder, size.models, size.tests, bench.venv)
  const [cold, warm, collected, againstBuild]: number[][] = [[], [], [], []]
  for (let i = 0; i < pairs; i++) {
    const script = await timeShell(bench, project, SCRIPT)
    const job = mustSucceed(await timeRunner(bench, project, { steps: DEFAULT_JOB })).stored
    changeOneModel(project, i)
    const second = mustSucceed(await timeRunner(bench, project, { steps: DEFAULT_JOB, warm: true })).stored
    cold?.push(job / script)
    warm?.push(second / script)
    let told = `${size.models} models, ${i + 1} of ${pairs}: script ${seconds(script)}, job ${seconds(job)}, warm ${seconds(second)}`
    if (size.build !== undefined) {
      const build = await timeShell(bench, project, BUILD)
      const collect = mustSucceed(await timeRunner(bench, project, { steps: DEFAULT_JOB, host: 'collect' })).stored
      againstBuild?.push(job / build)
      collected?.push(collect / script)
      told += `, dbt build ${seconds(build)}, garbage collector on ${seconds(collect)}`
    }
    say(told)
  }
  const title = `default job, ${size.models} models`
  return [
    figureOf(`${title}, caches cold, against the script`, '×', size.cold, cold ?? []),
    figureOf(`${title}, warm after a one-model commit, against the script`, '×', size.warm, warm ?? []),
    ...(size.build === undefined
      ? []
      : [
          figureOf(`${title}, garbage collector on, against the script`, '×', size.cold, collected ?? []),
          figureOf(`${title}, against plain dbt build alone`, '×', size.build, againstBuild ?? []),
        ]),
  ]
}

/** What the runner adds to one `dbt build` that is a process of its own: beyond 5 %, in seconds. */
export async function measureBuild(bench: Bench, pairs: number, say: (text: string) => void): Promise<Figure[]> {
  const project: BenchProject = makeProject(bench.folder, 200, 100, bench.venv)
  const beyond: number[] = []
  for (let i = 0; i < pairs; i++) {
    const plain = await timeShell(bench, project, BUILD)
    const { result } = mustSucceed(await timeRunner(bench, project, { steps: BUILD_JOB, host: 'off' }))
    const { startedAt = '', endedAt = '' } = result.steps[1] ?? {}
    const ours = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000
    beyond.push(ours - 1.05 * plain)
    say(`build step, ${i + 1} of ${pairs}: plain ${seconds(plain)}, under the runner ${seconds(ours)}`)
  }
  return [figureOf('dbt build step under the runner, plain process, beyond 1.05 × plain dbt build', 's', 0.3, beyond)]
}

const seconds = (value: number) => `${value.toFixed(1)} s`
