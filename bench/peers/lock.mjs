// Makes bench/peers/<peer>.txt: every Python package of an orchestrator's environment, by version and hash.
// Run `node bench/peers/lock.mjs` (all) or `node bench/peers/lock.mjs dagster`. Linux, Python 3.11 to 3.13.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const UV = 'uv==0.13.9'
/** The same in every environment, so that only the orchestrator differs; as in container/requirements/core-1.11/duckdb.txt. */
const DBT = ['dbt-core==1.11.16', 'dbt-duckdb==1.11.1']
/** Versions that work together. */
const PEERS = {
  dagster: ['dagster==1.13.27', 'dagster-dbt==0.29.27'],
  // The server of prefect 3.8.8 does not start with a newer fastapi.
  prefect: ['prefect==3.8.8', 'prefect-dbt==0.7.25', 'fastapi==0.149.0'],
  cosmos: ['apache-airflow==3.3.2', 'astronomer-cosmos==1.15.1'],
}

const work = mkdtempSync(join(tmpdir(), 'lock-'))
const run = (file, args) => execFileSync(file, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', timeout: 600_000 })

try {
  run('python3', ['-m', 'venv', work])
  run(join(work, 'bin/pip'), ['install', '--quiet', UV])
  const wanted = process.argv.slice(2)
  for (const peer of wanted.length ? wanted : Object.keys(PEERS)) lockPeer(peer)
} finally {
  rmSync(work, { recursive: true })
}

function lockPeer(peer) {
  const pins = PEERS[peer]
  if (!pins) throw new Error(`"${peer}" is not one of ${Object.keys(PEERS).join(', ')}`)
  const input = join(work, 'input.in')
  const file = join(import.meta.dirname, `${peer}.txt`)
  // The engine exactly as our image has it.
  const ours = join(import.meta.dirname, '../../container/requirements/core-1.11/duckdb.txt')
  const constraint = join(work, 'constraint.txt')
  writeFileSync(
    constraint,
    readFileSync(ours, 'utf8')
      .match(/^(dbt-\S+|duckdb)==\S+/gm)
      .join('\n'),
  )
  writeFileSync(input, `${[...DBT, ...pins].join('\n')}\n`)
  rmSync(file, { force: true })
  const universal = ['--universal', '--python-version', '3.11', '--only-binary', ':all:', '--generate-hashes']
  const quiet = ['--quiet', '--no-header', '--no-annotate', '--constraint', constraint]
  run(join(work, 'bin/uv'), ['pip', 'compile', ...universal, ...quiet, input, '--output-file', file])
  const lock = readFileSync(file, 'utf8')
  writeFileSync(file, `# Made by bench/peers/lock.mjs: do not edit. Install with --no-deps --require-hashes.\n${lock}`)
  console.log(`${peer}: ${lock.match(/^[a-z].*==/gm).length} packages`)
}
