/** SIGTERM while 1,000 models are built: time until everything is stored and the runner has ended. */
import { figureOf } from './figures.ts'
import { makeProject } from './project.ts'
import type { Part } from './rounds.ts'
import { DEFAULT_JOB } from './runner-job.ts'
import { type Bench, timeRunner } from './start.ts'

export const stopPart = (rounds: number): Part => ({
  name: 'stop',
  rounds,
  async start(bench) {
    const project = makeProject(bench, 1000, 500)
    return async round => {
      let stoppedAt = 0
      const { result } = await timeRunner(bench, project, {
        steps: DEFAULT_JOB,
        started(child, plan) {
          // In the midst of the build, each time at another node.
          const timer = setInterval(async () => {
            if ((await nodesDone(bench, `${plan.prefixes.attempt}parts/`)) < 100 + 60 * round || stoppedAt > 0) return
            clearInterval(timer)
            stoppedAt = performance.now()
            child.kill('SIGTERM')
          }, 250)
          child.once('exit', () => clearInterval(timer))
        },
      })
      const seconds = (performance.now() - stoppedAt) / 1000
      if (result.outcome !== 'cancelled' || result.artifactsIncomplete) throw new Error(`${result.outcome}: ${result.message}`)
      return { seconds }
    }
  },
  figures: all =>
    figureOf(
      { name: 'SIGTERM to everything stored and exit, 1,000 models', unit: 's', target: 5 },
      all.map(({ seconds = Number.NaN }) => seconds),
    ),
})

/** As the newest part tells. */
async function nodesDone({ cloud }: Bench, prefix: string): Promise<number> {
  const key = (await cloud.bucket.list(prefix, 1)).at(-1)
  return key ? Number(/"nodes":\{"done":(\d+)/.exec(await cloud.text(key))?.[1] ?? 0) : 0
}
