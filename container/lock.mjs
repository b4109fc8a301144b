// Makes container/requirements/<engine>/<adapter>.txt: every Python package of an image, by version and hash.
// Run `node container/lock.mjs` to move to newer releases (all engines) or `node container/lock.mjs core-1.11`.
// An adapter of dbt 2.x may have a library beside it, from npm: container/requirements/<engine>/<adapter>/package-lock.json.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const UV = 'uv==0.13.9'
const ADAPTERS = ['duckdb', 'postgres', 'snowflake', 'bigquery', 'redshift', 'athena', 'databricks', 'clickhouse', 'trino']
/** `pins`: exact versions where we choose; the resolver chooses the rest. */
const ENGINES = {
  'core-1.11': { adapters: ADAPTERS, pins: { 'dbt-core': '1.11.16', 'dbt-duckdb': '1.11.1', 'dbt-postgres': '1.11.0' } },
  // dbt-databricks allows dbt-core below 1.12.6 only. Its releases before 1.11 set no upper bound and were never tried with 1.12:
  // left alone, the resolver goes back to one of those.
  'core-1.12': { adapters: ADAPTERS, pins: { 'dbt-core': '1.12.5', 'dbt-duckdb': '1.11.1', 'dbt-postgres': '1.11.0' } },
  // The last release of 2.x that PyPI has as wheels. Later ones are source archives that fetch a program from GitHub while they
  // install. Adapters are inside; what is not are the drivers of the databases, which dbt downloads when it first needs one,
  // unhashed: DuckDB's own library takes the place of that download.
  'oss-2.0': { adapters: ['duckdb'], inside: true, pins: { 'dbt-core': '2.0.0a4' }, libraries: { duckdb: '1.5.5-r.5' } },
}
/** npm packages with DuckDB's library, by platform: npm installs the one that fits. */
const LIBRARIES = { duckdb: ['@duckdb/node-bindings-linux-x64', '@duckdb/node-bindings-linux-arm64'] }
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
  if (!ENGINES[engine]) throw new Error(`"${engine}" is not one of ${Object.keys(ENGINES).join(', ')}`)
  const { adapters, inside, pins, libraries = {} } = ENGINES[engine]
  const requirement = name => (pins[name] ? `${name}==${pins[name]}` : name)
  const packages = adapter => ['dbt-core', ...(inside ? [] : [`dbt-${adapter}`])].map(requirement)
  // All adapters at once first, so that any two of them fit into one image.
  const together = join(work, 'together.txt')
  compile([...new Set(adapters.flatMap(packages))], together, [])
  const folder = join(import.meta.dirname, 'requirements', engine)
  mkdirSync(folder, { recursive: true })
  for (const adapter of adapters) {
    const file = join(folder, `${adapter}.txt`)
    compile(packages(adapter), file, ['--generate-hashes', '--constraint', together])
    const lock = readFileSync(file, 'utf8').replace(/\n# The following packages were excluded[\s\S]*$/, '')
    writeFileSync(file, `# Made by container/lock.mjs: do not edit. Install with --no-deps --require-hashes.\n${lock}`)
    checkWheels(
      file,
      PYTHONS.filter(python => !WITHOUT_WHEELS[adapter]?.includes(python)),
    )
    if (libraries[adapter]) lockLibrary(join(folder, adapter), LIBRARIES[adapter], libraries[adapter])
    console.log(`${engine}/${adapter}: ${lock.match(/^[a-z].*==/gm).length} packages`)
  }
}

function lockLibrary(folder, names, version) {
  const made = join(work, 'npm')
  mkdirSync(made)
  const optionalDependencies = Object.fromEntries(names.map(name => [name, version]))
  writeFileSync(join(made, 'package.json'), `${JSON.stringify({ private: true, optionalDependencies }, null, 2)}\n`)
  run('npm', ['install', '--prefix', made, '--package-lock-only', '--ignore-scripts', '--omit-lockfile-registry-resolved'])
  mkdirSync(folder, { recursive: true })
  for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(made, name), join(folder, name))
  const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'))
  for (const name of names)
    if (!packages[`node_modules/${name}`]?.integrity) throw new Error(`${name}@${version} is not in the lock: is it released?`)
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
