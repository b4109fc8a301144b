/**
 * Runs the tests: `all` (types, lint, unit, integration), `unit` (seconds: no process, no network) or `integration`
 * (dbt, git, the emulator, browsers). Names of files after it run just these.
 */
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const [layer = 'all', ...only] = process.argv.slice(2)

/** Those that take longest, first: begun last, one of them would run on alone. */
const LONG = `simulation/simulation e2e/chain e2e/upgrade e2e/resume container/engine-lines e2e/secrets container/git-outage
container/resume-writes container/runner-hangs container/resume-ends cli/demo example cli/bad-input e2e/faults container/dbt-host
container/resume cli/demo-stop local/schedules local/deploy container/runner-stop container/engine-adapters container/runner-secrets`.split(
  /\s+/,
)

/** Those that compute and wait for nothing: they get the time that the others leave. */
const computes = (name: string) => /^(simulation\/.*|lambda\/dispatcher-load)\.it\./.test(name)

const bin = (name: string) => join(root, 'node_modules', '.bin', name)
const files = (wanted: (name: string) => boolean) =>
  readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.ts') && wanted(name))
    .filter(name => !only.length || only.some(part => name.includes(part)))
    .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))

function rank(name: string): number {
  const found = LONG.findIndex(part => name.startsWith(part))
  return found < 0 ? LONG.length : found
}

async function stage(title: string, work: () => Promise<string[]>): Promise<void> {
  const started = performance.now()
  process.stderr.write(`\n◔ ${title}\n`)
  const failed = await work()
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  process.stderr.write(`${failed.length === 0 ? '✓' : '✗'} ${[title, ...failed].join('\n    ')}  ${seconds} s\n`)
  if (failed.length > 0) process.exit(1)
}

const check = (title: string, command: string, args: string[]) =>
  stage(title, async () => (spawnSync(bin(command), args, { cwd: root, stdio: 'inherit' }).status === 0 ? [] : ['failed']))

interface Took {
  name: string
  seconds: number
  /** Of the processor, as test/together.ts tells it. */
  worked: number
}

/** A process for each of `groups`, `lanes` at a time. */
async function runLanes(groups: readonly string[][], lanes: number, minutes: number, failed: string[]): Promise<Took[]> {
  const waiting = [...groups]
  const took: Took[] = []
  const lane = async () => {
    for (let group = waiting.shift(); group; group = waiting.shift()) {
      const [first = '', ...more] = group
      const name = more.length ? `${first} and ${more.length} more` : first
      const started = performance.now()
      const { good, worked } = await runTogether(name, group, minutes)
      if (!good) failed.push(name)
      took.push({ name, seconds: (performance.now() - started) / 1000, worked })
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return took
}

/**
 * Three at a time on two cores, because many wait more than they work; what only computes has the time that they leave.
 * `minutes`: one that hangs must not hold up the rest for ever.
 */
async function runTests(title: string, groups: string[][], minutes: number): Promise<void> {
  if (!groups.length) return
  await stage(title, async () => {
    const failed: string[] = []
    const [beside, others] = [true, false].map(wanted => groups.filter(([name = '']) => computes(name) === wanted))
    const took = (
      await Promise.all([runLanes(beside ?? [], 1, minutes, failed), runLanes(others ?? [], 3, minutes, failed)])
    ).flat()
    const sum = took.reduce((all, each) => all + each.worked, 0)
    process.stdout.write(`\n seconds processor   (${sum.toFixed(0)} s in all)\n`)
    for (const { name, seconds, worked } of took.sort((a, b) => b.seconds - a.seconds).slice(0, 25))
      process.stdout.write(`${seconds.toFixed(0).padStart(8)}${worked.toFixed(0).padStart(10)}   ${name}\n`)
    return failed
  })
}

/** Prints its report when it is over. */
async function runTogether(title: string, names: string[], minutes: number): Promise<{ good: boolean; worked: number }> {
  const paths = names.map(name => join('test', name))
  const child = spawn(process.execPath, ['--import', 'tsx', '--test-reporter=spec', 'test/together.ts', ...paths], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: minutes * 60_000,
    killSignal: 'SIGKILL',
  })
  if (child.pid && computes(names[0] ?? '')) setPriority(child.pid, constants.priority.PRIORITY_LOW)
  const chunks: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => chunks.push(chunk))
  const code = await new Promise<number | null>(resolve => {
    child.once('close', resolve)
    // What it left running, if anything, may hold its output for long.
    child.once('exit', exit => setTimeout(resolve, 5_000, exit).unref())
  })
  process.stdout.write(`\n${code === 0 ? '✔' : '✖'} ${title}${code === null ? `: ended after ${minutes} minutes` : ''}\n`)
  let worked = 0
  const report = Buffer.concat(chunks)
    .toString()
    .replaceAll(/^ℹ (?!skipped [1-9]|pass).*\n/gm, '')
    .replace(/\nprocessor ([\d.]+) s\n/, (_, seconds) => {
      worked = Number(seconds)
      return ''
    })
  process.stdout.write(report)
  return { good: code === 0, worked }
}

const isIntegration = (name: string) => name.endsWith('.it.test.ts')
const unit = files(name => !isIntegration(name))
/** Most take less time than the start of a process, and than to load what those of their folder load as well. */
const batches = ['lambda/', 'lib/', undefined]
  .map(folder => unit.filter(name => ['lambda/', 'lib/'].find(each => name.startsWith(each)) === folder))
  .filter(batch => batch.length > 0)
if (layer === 'all') {
  await check('types', 'tsc', ['-p', '.'])
  await check('lint', 'biome', ['check', '--error-on-warnings', '.'])
}
if (layer !== 'integration') await runTests('unit tests', batches, 5)
if (layer !== 'unit')
  await runTests(
    'integration tests',
    files(isIntegration).map(name => [name]),
    60,
  )
