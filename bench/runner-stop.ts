/** SIGTERM while 1,000 models are built: time until everything is stored and the runner has ended. */
import { type Figure, figureOf } from './figures.ts'
import { makeProject } from './project.ts'
import { DEFAULT_JOB } from './runner-job.ts'
import { type Bench, timeRunner } from './start.ts'

export async function measureStop(bench: Bench, trials: number, say: (text: string) => void): Promise<Figure[]> {
  const project = makeProject(bench.folder, 1000, 500, bench.venv)
  const samples: number[] = []
  for (let i = 0; i < trials; i++) {
    let stoppedAt = 0
    await timeRunner(bench, project, {
      steps: DEFAULT_JOB,
      started(child, plan) {
        // In the midst of the build, each time at another node.
        const timer = setInterval(() => {
          const parts = bench.bucket.keys(`${plan.prefixes.attempt}parts/`)
          const nodes = parts.length === 0 ? 0 : finished(bench.bucket.text(parts.at(-1) ?? ''))
          if (nodes < 100 + 60 * i) return
          clearInterval(timer)
          stoppedAt = performance.now()
          child.kill('SIGTERM')
        }, 100)
        child.once('exit', () => clearInterval(timer))
      },
    }).then(({ result }) => {
      if (result.outcome !== 'cancelled' || result.artifactsIncomplete) throw new Error(`${result.outcome}: ${result.message}`)
    })
    samples.push((performance.now() - stoppedAt) / 1000)
    say(`SIGTERM, ${i + 1} of ${trials}: ${samples.at(-1)?.toFixed(1)} s`)
  }
  return [figureOf('SIGTERM to everything stored and exit, 1,000 models', 's', 5, samples)]
}

const finished = (part: string) => Number(/"nodes":\{"done":(\d+)/.exec(part)?.[1] ?? 0)
