/** Memory and speed of the runner itself, with a program in dbt's place that prints and writes as much as asked. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PlanStep } from '../shared/plan.ts'
import { figureOf } from './figures.ts'
import { makeProject } from './project.ts'
import type { Part, Values } from './rounds.ts'
import { type Bench, timeRunner } from './start.ts'

interface Load {
  logMegabytes?: number
  manifestMegabytes?: number
  nodes?: number
}

const LOADS: [key: string, name: string, load: Load][] = [
  ['log', 'a 500 MB log', { logMegabytes: 500 }],
  ['manifest', 'a 200 MB manifest', { manifestMegabytes: 200 }],
  ['nodes', '5,000 nodes', { nodes: 5000 }],
]

export const logPart = (rounds: number): Part => ({
  name: 'log',
  rounds,
  async start(bench) {
    return async () => {
      const { peakMegabytes: small } = await measureLoad(bench, { nodes: 10 })
      const values: Values = { small }
      for (const [key, , load] of LOADS) {
        const { peakMegabytes, seconds } = await measureLoad(bench, load)
        values[key] = peakMegabytes
        if (load.logMegabytes) values.speed = load.logMegabytes / seconds
      }
      return values
    }
  },
  figures: all => [
    ...figureOf({ name: 'runner’s own peak memory, smallest run', unit: 'MB', target: 120 }, column(all, 'small')),
    ...LOADS.flatMap(([key, name]) =>
      figureOf(
        { name: `runner’s own peak memory, more with ${name}`, unit: 'MB', target: 10 },
        all.map(values => (values[key] ?? Number.NaN) - (values.small ?? Number.NaN)),
      ),
    ),
    ...figureOf(
      { name: 'log through ledger, redaction, compression', unit: 'MB/s', target: 50, atLeast: true },
      column(all, 'speed'),
    ),
  ],
})

const column = (rounds: readonly Values[], key: string) => rounds.map(values => values[key] ?? Number.NaN)

/** `seconds`: of the dbt step alone. */
async function measureLoad(bench: Bench, load: Load): Promise<{ peakMegabytes: number; seconds: number }> {
  const project = makeProject(bench, 20, 10)
  const steps: PlanStep[] = [
    { index: 0, name: 'checkout', kind: 'checkout', args: [], required: true },
    { index: 1, name: 'build', kind: 'dbt', args: ['build'], required: true },
  ]
  const secrets = { BENCH_PASSWORD: 'not-a-secret/in any=case', BENCH_KEY: 'another one of some length' }
  const { result, peakMegabytes } = await timeRunner(bench, project, { steps, secrets, path: makeProgram(bench, load) })
  const { startedAt = '', endedAt = '' } = result.steps[1] ?? {}
  return { peakMegabytes, seconds: (Date.parse(endedAt) - Date.parse(startedAt)) / 1000 }
}

/** Prints events as dbt does at level debug, 22 kB a node: mostly queries, lines for people, start and end of the node. */
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
    # As dbt writes it: 20 kB a node, most of it code.
    code = "select 1 as a, " * 1300
    file.write('{"nodes": {')
    for i in range(max(LOAD["nodes"], LOAD["manifestMegabytes"] * 50)):
        id, path = f"model.bench.model_{i}", f"models/layer_{i // 20}/model_{i}.sql"
        names = {"name": f"model_{i}", "path": path[7:], "original_file_path": path, "unique_id": id}
        file.write((", " if i else "") + f'"{id}": ' + json.dumps({**names, "raw_code": code}))
    file.write("}}")
out = sys.stdout
RESULT = {"status": "success", "message": "OK", "execution_time": 0.1}
out.write(event("FoundStats", "info", "Found models"))
results = []
for i in range(LOAD["nodes"]):
    id = f"model.bench.model_{i}"
    node = {"unique_id": id, "node_name": f"model_{i}", "resource_type": "model", "node_status": "success"}
    out.write(event("NodeStart", "debug", f"Began running node {id}", node_info=node))
    out.write(event("NodeFinished", "debug", f"Finished running node {id}", node_info=node, run_result=RESULT))
    results.append({"unique_id": id, **RESULT})
query = "create view main.model as (select a.id, a.name, a.n + 1 as n from main.other a left join main.third b using (id)) " * 4
node = {"node_name": "model", "unique_id": "model.bench.model", "resource_type": "model"}
block = (
    event("LogStartLine", "info", "1 of 100 START sql view model main.model [RUN]", node_info=node)
    + event("NodeStart", "debug", "Began running node model.bench.model", node_info=node)
    + event("SQLQuery", "debug", "On model.bench.model: " + query, node_info=node) * 36
    + event("LogModelResult", "info", "1 of 100 OK created sql view model main.model [OK in 0.1s]", node_info=node)
    + event("NodeFinished", "debug", "Finished running node model.bench.model", node_info=node, run_result=RESULT)
)
for _ in range(LOAD["logMegabytes"] * 1_000_000 // len(block)):
    out.write(block)
out.flush()
with open(os.path.join(target, "run_results.json"), "w") as file:
    json.dump({"metadata": {"env": {"TIDEMILL": stamp}}, "results": results}, file)
`
