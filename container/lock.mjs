// Makes container/requirements/<engine>/<adapter>.txt: every Python package of an image, by version and hash.
// Run `node container/lock.mjs` to move to newer releases (all engines) or `node container/lock.mjs core-1.11`.
// oss-2.0 has no lock: its packages on PyPI are source archives that download a binary while installing, which no hash covers.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const UV = 'uv==0.13.9'
const ADAPTERS = ['duckdb', 'postgres', 'snowflake', 'bigquery', 'redshift', 'athena', 'databricks']
/** Exact versions where we choose; the resolver chooses the rest. */
const ENGINES = {
  'core-1.11': { 'dbt-core': '1.11.16', 'dbt-duckdb': '1.11.1', 'dbt-postgres': '1.11.0' },
  // dbt-databricks allows dbt-core below 1.12.6 only. Its releases before 1.11 set no upper bound and were never tried with 1.12:
  // left alone, the resolver goes back to one of those.
  'core-1.12': { 'dbt-core': '1.12.5', 'dbt-duckdb': '1.11.1', 'dbt-postgres': '1.11.0' },
}
/** Wanted by dbt-core 1.12 for `--use-v2-parser` alone; its releases download a binary while installing. */
const LEFT_OUT = 'dbt-core-experimental-parser'
/** Where the locks must install: Linux on both architectures, with the Pythons that local mode accepts. macOS is not checked. */
const PYTHONS = ['3.11', '3.12', '3.13']
/** dbt-athena wants an mmh3 that has no wheel for 3.13. */
const WITHOUT_WHEELS = { athena: ['3.13'] }
const PLATFORMS = ['x86_64-manylinux_2_28', 'aarch64-manylinux_2_28']

const work = mkdtempSync(join(tmpdir(), 'lock-'))
const run = (file, args) => execFileSync(file, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', timeout: 600_000 })

try {
  run('python3', ['-m', 'venv', work])
  run(join(work, 'bin/pip'), ['install', '--quiet', UV])
  writeFileSync(join(work, 'overrides.txt'), `${LEFT_OUT} ; sys_platform == 'never'\n`)
  const wanted = process.argv.slice(2)
  for (const engine of wanted.length ? wanted : Object.keys(ENGINES)) lockEngine(engine)
} finally {
  rmSync(work, { recursive: true })
}

function lockEngine(engine) {
  const pins = ENGINES[engine]
  if (!pins) throw new Error(`"${engine}" is not one of ${Object.keys(ENGINES).join(', ')}`)
  const requirement = name => (pins[name] ? `${name}==${pins[name]}` : name)
  // All adapters at once first, so that any two of them fit into one image.
  const together = join(work, 'together.txt')
  compile(['dbt-core', ...ADAPTERS.map(a => `dbt-${a}`)].map(requirement), together, [])
  const folder = join(import.meta.dirname, 'requirements', engine)
  mkdirSync(folder, { recursive: true })
  for (const adapter of ADAPTERS) {
    const file = join(folder, `${adapter}.txt`)
    compile(['dbt-core', `dbt-${adapter}`].map(requirement), file, ['--generate-hashes', '--constraint', together])
    const lock = readFileSync(file, 'utf8').replace(/\n# The following packages were excluded[\s\S]*$/, '')
    writeFileSync(file, `# Made by container/lock.mjs: do not edit. Install with --no-deps --require-hashes.\n${lock}`)
    checkWheels(
      file,
      PYTHONS.filter(python => !WITHOUT_WHEELS[adapter]?.includes(python)),
    )
    console.log(`${engine}/${adapter}: ${lock.match(/^[a-z].*==/gm).length} packages`)
  }
}

function compile(requirements, output, more) {
  const input = join(work, 'input.in')
  writeFileSync(input, `${requirements.join('\n')}\n`)
  rmSync(output, { force: true })
  const universal = ['--universal', '--python-version', PYTHONS[0], '--only-binary', ':all:']
  const quiet = [
    '--quiet',
    '--no-header',
    '--no-annotate',
    '--no-emit-package',
    LEFT_OUT,
    '--override',
    join(work, 'overrides.txt'),
  ]
  run(join(work, 'bin/uv'), ['pip', 'compile', ...universal, ...quiet, ...more, input, '--output-file', output])
}

/** A universal lock does not prove that every platform has wheels. */
function checkWheels(lock, pythons) {
  for (const python of pythons)
    for (const platform of PLATFORMS) {
      const target = ['--python-version', python, '--python-platform', platform, '--target', join(work, 'target')]
      const strict = ['--no-deps', '--require-hashes', '--only-binary', ':all:']
      run(join(work, 'bin/uv'), ['pip', 'install', '--quiet', '--dry-run', ...strict, ...target, '-r', lock])
    }
}
