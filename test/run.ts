/**
 * Runs the tests: `all` (types, lint, unit, integration), `unit` (seconds: no process, no network) or `integration`
 * (dbt, git, the emulator, browsers). Names of files after it run just these.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const [layer = 'all', ...only] = process.argv.slice(2)

function run(title: string, command: string, args: string[]): void {
  const started = performance.now()
  process.stderr.write(`\n◔ ${title}\n`)
  const { status, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  process.stderr.write(`${status === 0 ? '✓' : '✗'} ${title}  ${seconds} s\n`)
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 1))
}

const bin = (name: string) => join(root, 'node_modules', '.bin', name)
const files = (wanted: (name: string) => boolean) =>
  readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.ts') && wanted(name))
    .map(name => join('test', name))
    .filter(name => !only.length || only.some(part => name.includes(part)))
    .sort()

/** `minutes`: one test file that hangs must not hold up the rest for ever. */
function runTests(title: string, names: string[], concurrency: number, minutes: number): void {
  if (!names.length) return
  const options = [`--test-concurrency=${concurrency}`, `--test-timeout=${minutes * 60_000}`, '--test-reporter=spec']
  run(title, process.execPath, ['--import', 'tsx', '--test', ...options, ...names])
}

const isIntegration = (name: string) => name.endsWith('.it.test.ts')
if (layer === 'all') {
  run('types', bin('tsc'), ['-p', '.'])
  run('lint', bin('biome'), ['check', '--error-on-warnings', '.'])
}
if (layer !== 'integration')
  runTests(
    'unit tests',
    files(name => !isIntegration(name)),
    2,
    2,
  )
if (layer !== 'unit') runTests('integration tests', files(isIntegration), 2, 10)
