/** Memory and speed of the runner itself, with a program in dbt's place that prints and writes as much as asked. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PlanStep } from '../shared/plan.ts'
import { type Figure, figureOf, medianOf } from './figures.ts'
import { makeProject } from './project.ts'
import { type Bench, timeRunner } from './start.ts'

interface Load {
  logMegabytes?: number
  manifestMegabytes?: number
  nodes?: number
}

export async function measureLog(bench: Bench, trials: number): Promise<Figure[]> {
  const small = await measureLoad(bench, { nodes: 10 })
  const loads: [string, Load][] = [
    ['a 500 MB log', { logMegabytes: 500 }],
    ['a 200 MB manifest', { manifestMegabytes: 200 }],
    ['5,000 nodes', { nodes: 5000 }],
  ]
  const figures = [figureOf('runner’s own peak memory, smallest run', 'MB', 120, [small.peakMegabytes])]
  for (const [name, load] of loads) {
    const { peakMegabytes } = await measureLoad(bench, load)
    figures.push(figureOf(`runner’s own peak memory, more with ${name}`, 'MB', 10, [peakMegabytes - small.peakMegabytes]))
  }
  const speeds: number[] = []
  for (let i = 0; i < Math.max(3, trials); i++) {
    const { seconds } = await measureLoad(bench, { logMegabytes: 200 })
    speeds.push(200 / seconds)
  }
  return [...figures, figureOf('log through ledger, redaction, compression', 'MB/s', 50, speeds, true)].map(figure =>
    Number.isNaN(medianOf(figure.samples)) ? { ...figure, met: false } : figure,
  )
}

/** `seconds`: of the dbt step alone. */
export async function measureLoad(bench: Bench, load: Load): Promise<{ peakMegabytes: number; seconds: number }> {
  const project = makeProject(bench.folder, 20, 10, bench.venv)
  const steps: PlanStep[] = [
    { index: 0, name: 'checkout', kind: 'checkout', args: [], required: true },
    { index: 1, name: 'build', kind: 'dbt', args: ['build'], required: true },
  ]
  const secrets = { BENCH_PASSWORD: 'not-a-secret/in any=case', BENCH_KEY: 'another one of some length' }
  const { result, peakMegabytes } = await timeRunner(bench, project, { steps, secrets, path: makeProgram(bench, load) })
  const { startedAt = '', endedAt = '' } = result.steps[1] ?? {}
  return { peakMegabytes, seconds: (Date.parse(endedAt) - Date.parse(startedAt)) / 1000 }
}

/** Prints events as dbt does at level debug: mostly queries, and start and end of each node. */
function makeProgram({ folder, venv }: Bench, load: Load): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(
    join(bin, 'dbt'),
    `#!${venv}/bin/python\nLOAD = ${JSON.stringify({ logMegabytes: 0, manifestMegabytes: 0, nodes: 0, ...load })}\n${PROGRAM}`,
  )
  chmodSync(join(bin, 'dbt'), 0o755)
  return bin
}

const PROGRAM = `
import json, os, sys
target = os.environ["DBT_TARGET_PATH"]
stamp = os.environ["DBT_ENV_CUSTOM_ENV_TIDEMILL"]
def event(name, level, msg, **data):
    return json.dumps({"info": {"name": name, "level": level, "msg": msg}, "data": data}) + "\\n"
with open(os.path.join(target, "manifest.json"), "w") as file:
    file.write('{"nodes": {"x": "')
    for _ in range(LOAD["manifestMegabytes"]):
        file.write("select 1 as a, " * 69_905)
    file.write('"}}')
out = sys.stdout
out.write(event("FoundStats", "info", "Found models"))
results = []
for i in range(LOAD["nodes"]):
    id = f"model.bench.model_{i}"
    node = {"unique_id": id, "node_name": f"model_{i}", "resource_type": "model", "node_status": "success"}
    out.write(event("NodeStart", "debug", f"Began running node {id}", node_info=node))
    result = {"status": "success", "message": "OK", "execution_time": 0.1}
    out.write(event("NodeFinished", "debug", f"Finished running node {id}", node_info=node, run_result=result))
    results.append({"unique_id": id, **result})
query = "create view main.model as (select a.id, a.name, a.n + 1 as n from main.other a left join main.third b using (id)) " * 4
line = event("SQLQuery", "debug", "On model.bench.model: " + query, node_info={"node_name": "model", "unique_id": "model.bench.model"})
block = line * 100
for _ in range(LOAD["logMegabytes"] * 1_000_000 // len(block)):
    out.write(block)
out.flush()
with open(os.path.join(target, "run_results.json"), "w") as file:
    json.dump({"metadata": {"env": {"TIDEMILL": stamp}}, "results": results}, file)
`
