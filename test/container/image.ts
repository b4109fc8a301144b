/**
 * Builds the image of the tasks with podman, as the account does with CodeBuild. Its base images are made of the machine's own
 * Debian packages and Node, because the official ones cannot be pulled everywhere.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const CACHE = join(ROOT, '.cache/image')
const NAME = 'localhost/tidemill-test'
export const IMAGE = `${NAME}-runner`
/** Of an image, one for each engine that the tests build. */
const imageOf = (engine: string) => (engine === 'core-1.11' ? IMAGE : `${IMAGE}-${engine}`)

/** Settings under which podman works without a daemon, inside other containers too. */
const CONTAINERS_CONF = `[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
netns = "host"
[engine]
runtime = "runc"
events_logger = "none"
`

function podman(args: string[], minutes = 10): string {
  const { status, stdout, stderr, error } = spawnSync('podman', args, {
    encoding: 'utf8',
    env: podmanEnv(),
    timeout: minutes * 60_000,
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status !== 0)
    throw new Error(`podman ${args[0]} failed (${error?.message ?? status}):\n${stdout.slice(-3000)}\n${stderr.slice(-3000)}`)
  return stdout.trim()
}

const podmanEnv = () => ({ ...process.env, CONTAINERS_CONF: join(CACHE, 'containers.conf') })

/** Base with Python and apt, from the Debian mirror this machine uses; made once. */
function makePythonBase(): void {
  if (spawnSync('podman', ['image', 'exists', `${NAME}-python`], { env: podmanEnv() }).status === 0) return
  const tar = join(CACHE, 'python.tar')
  if (!existsSync(tar)) {
    const sources = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list']
      .filter(path => existsSync(path))
      .slice(0, 1)
    const packages = 'python3,python3-venv,python-is-python3,ca-certificates'
    const made = spawnSync(
      'mmdebstrap',
      ['--variant=apt', `--include=${packages}`, 'bookworm', join(CACHE, 'new.tar'), ...sources],
      {
        encoding: 'utf8',
        timeout: 300_000,
      },
    )
    if (made.status !== 0) throw new Error(`mmdebstrap failed: ${made.stderr}`)
    renameSync(join(CACHE, 'new.tar'), tar)
  }
  podman(['import', '-q', tar, `${NAME}-python`])
  rmSync(tar)
}

function makeNodeBase(): void {
  const context = join(CACHE, 'node')
  mkdirSync(context, { recursive: true })
  copyFileSync(realpathSync(process.execPath), join(context, 'node'))
  rmSync(join(context, 'npm'), { recursive: true, force: true })
  cpSync(npmFolder(), join(context, 'npm'), { recursive: true })
  writeFileSync(
    join(context, 'Dockerfile'),
    'FROM scratch\nCOPY node /usr/local/bin/node\nCOPY npm /usr/local/lib/node_modules/npm\n',
  )
  podman(['build', '-q', '-t', `${NAME}-node`, context])
}

/** npm as the machine has it, laid out as in the official image. */
function npmFolder(): string {
  const npm = (process.env.PATH ?? '').split(delimiter).find(folder => existsSync(join(folder, 'npm')))
  if (npm === undefined) throw new Error('npm is not on the PATH')
  return dirname(dirname(realpathSync(join(npm, 'npm'))))
}

/** The product's own Dockerfile over these bases; layers that did not change are reused. */
export function buildImage(engine: string, adapters: string): void {
  mkdirSync(CACHE, { recursive: true })
  writeFileSync(join(CACHE, 'containers.conf'), CONTAINERS_CONF)
  makePythonBase()
  makeNodeBase()
  // The machine's own certificates and settings of pip, for its registry; neither becomes part of a layer.
  const certificates = '/etc/ssl/certs/ca-certificates.crt'
  writeFileSync(join(CACHE, 'pip.conf'), `[global]\ncert = ${certificates}\n`)
  writeFileSync(join(CACHE, 'npmrc'), `cafile=${certificates}\n`)
  const bases = ['--build-arg', `PYTHON=${NAME}-python`, '--build-arg', `NODE=${NAME}-node`]
  const what = ['--build-arg', `ENGINE=${engine}`, '--build-arg', `ADAPTERS=${adapters}`]
  const secrets = ['--secret', `id=pip,src=${join(CACHE, 'pip.conf')}`, '--secret', `id=npm,src=${join(CACHE, 'npmrc')}`]
  const settings = [...secrets, '-v', `${certificates}:${certificates}:ro`]
  podman([
    'build',
    '--network=host',
    '--pull=never',
    ...bases,
    ...what,
    ...settings,
    '-t',
    imageOf(engine),
    join(ROOT, 'dist/container'),
  ])
}

/** The limits a Fargate task has by our task definition: no root, nothing writable but two volumes, no capabilities. */
const AS_ON_FARGATE = ['--read-only', '--user=1000:1000', '--cap-drop=all', '--security-opt=no-new-privileges', '--network=host']

export function startContainer(
  name: string,
  env: Record<string, string>,
  folders: string[],
  { memory, engine = 'core-1.11' }: { memory?: string; engine?: string },
): ChildProcess {
  const variables = Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`])
  const mounts = folders.flatMap(folder => ['-v', `${folder}:${folder}`])
  const limit = memory ? [`--memory=${memory}`, `--memory-swap=${memory}`] : []
  return spawn('podman', ['run', '--rm', '--name', name, ...AS_ON_FARGATE, ...limit, ...variables, ...mounts, imageOf(engine)], {
    env: podmanEnv(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Runs a command in the image and gives its output. */
export const runInImage = (...command: string[]) =>
  podman(['run', '--rm', ...AS_ON_FARGATE, '--entrypoint', command[0] ?? '', IMAGE, ...command.slice(1)])
/** SIGTERM, and SIGKILL after so many seconds. Not waited for: the bucket of the test lives in this process. */
export const stopContainer = (name: string, seconds: number) =>
  void spawn('podman', ['stop', '-t', String(seconds), name], { env: podmanEnv(), stdio: 'ignore' })
/** Bytes of each layer with the command that made it, newest first. */
export const layersOf = (engine = 'core-1.11'): { size: number; command: string }[] =>
  JSON.parse(podman(['history', '--format', 'json', imageOf(engine)])).map((layer: { size: number; CreatedBy: string }) => ({
    size: layer.size,
    command: layer.CreatedBy,
  }))
