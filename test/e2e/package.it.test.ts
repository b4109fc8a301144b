/** The package as somebody gets it who never cloned this repository: from the tarball, in a folder elsewhere. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'tidemill-package-'))
const home = join(folder, 'project')

function run(command: string, args: string[], cwd = home): { status: number | null; stdout: string; stderr: string } {
  const env = {
    ...process.env,
    TIDEMILL_CACHE: join(root, '.cache'),
    npm_config_loglevel: 'error',
    AWS_EC2_METADATA_DISABLED: 'true',
  }
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8', timeout: 300_000 })
  return { status, stdout, stderr }
}
function succeed(command: string, args: string[], cwd = home): string {
  const { status, stdout, stderr } = run(command, args, cwd)
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`)
  return stdout
}
const tidemill = (...args: string[]) => succeed('npx', ['tidemill', ...args])

before(
  () => {
    succeed('npm', ['pack', '--pack-destination', folder], root)
    const tarball = readdirSync(folder).find(name => name.endsWith('.tgz'))
    cpSync(join(root, 'example'), home, { recursive: true })
    for (const name of ['tidemill.yml', 'profiles.yml']) rmSync(join(home, name))
    writeFileSync(join(home, '.gitignore'), 'node_modules\n')
    const git = ['-c', 'user.name=A. Author', '-c', 'user.email=author@example.com']
    for (const args of [
      ['init', '-q', '-b', 'main'],
      ['add', '.'],
      ['commit', '-q', '-m', 'Harbour line'],
    ])
      succeed('git', [...git, ...args])
    succeed('npm', ['install', '--no-save', '--no-fund', '--no-audit', join(folder, tarball ?? '')])
  },
  { timeout: 300_000 },
)
after(
  () => {
    run('npx', ['tidemill', 'local', 'reset', '--yes'])
    rmSync(folder, { recursive: true, force: true })
  },
  { timeout: 60_000 },
)

test('init, validate, next, local up and a run', { timeout: 300_000 }, () => {
  tidemill('init', '--yes', '--adapter', 'duckdb')
  assert.match(tidemill('validate'), /tidemill\.yml is good: 1 job/)
  assert.equal(JSON.parse(tidemill('next', '--json')).firings.length > 0, true)
  tidemill('local', 'up')
  const { run: record } = JSON.parse(tidemill('--local', 'run', 'nightly', '--wait', '--json'))
  assert.equal(record.status, 'success', JSON.stringify(record))
  assert.ok(readFileSync(join(home, 'tidemill.yml'), 'utf8').includes('harbour_line'))
})

test('deploy without AWS credentials says so and changes nothing', { timeout: 60_000 }, () => {
  const none = join(folder, 'none')
  mkdirSync(none, { recursive: true })
  const env = { PATH: process.env.PATH, HOME: none, AWS_EC2_METADATA_DISABLED: 'true', AWS_REGION: 'eu-central-1' }
  const { status, stdout, stderr } = spawnSync('npx', ['tidemill', 'deploy'], {
    cwd: home,
    env,
    encoding: 'utf8',
    timeout: 60_000,
  })
  assert.ok(status === 2 || status === 3, stdout + stderr)
  assert.match(stderr, /credentials/i)
  assert.doesNotMatch(stderr, /\n\s+at /)
})

test('its constructs are part of a larger CDK app, with types', { timeout: 120_000 }, () => {
  writeFileSync(
    join(home, 'larger.mts'),
    `import { readFileSync } from 'node:fs'
import { App } from 'aws-cdk-lib'
import { builtCode, requireConfig, TidemillStack } from 'tidemill'
const read = (path: string) => readFileSync(path, 'utf8')
const { config } = requireConfig({ path: 'tidemill.yml', text: read('tidemill.yml'), read })
const app = new App({ outdir: 'larger.out' })
new TidemillStack(app, 'Dbt', { config, code: builtCode(), imageRepository: 'registry.example.com/dbt' })
app.synth()
`,
  )
  const types = [
    '--noEmit',
    '--strict',
    '--ignoreConfig',
    '--module',
    'nodenext',
    '--moduleResolution',
    'nodenext',
    '--skipLibCheck',
  ]
  succeed(join(root, 'node_modules/.bin/tsc'), [
    ...types,
    '--types',
    'node',
    '--typeRoots',
    join(root, 'node_modules/@types'),
    'larger.mts',
  ])
  succeed(process.execPath, ['--import', join(root, 'node_modules/tsx/dist/esm/index.mjs'), 'larger.mts'])
  assert.ok(readdirSync(join(home, 'larger.out')).some(name => name.endsWith('.template.json')))
})
