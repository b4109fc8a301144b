// Makes a fresh clone ready and then runs a task: `node setup.mjs [demo | test [unit | integration]] [options of the task]`.
// Plain JavaScript without dependencies: it runs before any are installed.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = import.meta.dirname
const [task = '', ...rest] = process.argv.slice(2)
const json = rest.includes('--json')
/** Progress goes to standard error, so that a task's standard output stays its own. */
const say = text => process.stderr.write(`${text}\n`)
const fail = text => {
  if (json) console.log(JSON.stringify({ error: { stage: 'set up', message: text } }))
  say(`✗ set up\n${text}`)
  process.exit(3)
}
const answers = (command, args) => spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 })

function checkPrograms() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    fail(
      `Node ${process.versions.node} is too old: Tidemill needs Node 20.19 or newer (20, 22 or 24). Install it, then repeat the command.`,
    )
  if (answers('git', ['--version']).status !== 0)
    fail(
      'git is missing. Install it (Debian, Ubuntu: apt-get install git; macOS: xcode-select --install), then repeat the command.',
    )
  const python = ['python3.13', 'python3.12', 'python3.11', 'python3'].find(name =>
    /^3\.1[1-3]$/.test(
      answers(name, ['-c', 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])']).stdout?.trim() ?? '',
    ),
  )
  if (!python)
    fail(
      'Python 3.11, 3.12 or 3.13 with the venv module is missing (looked for python3.13, python3.12, python3.11, python3).\nInstall it (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.12), then repeat the command.',
    )
}

/** Runs once for each state of the files it depends on, and again when what it makes is gone (`present`). */
function once(name, files, present, run) {
  const hash = createHash('sha256').update(process.versions.modules)
  for (const file of files) hash.update(readFileSync(join(root, file)))
  const stamp = join(root, '.cache', 'setup', `${name}.sha256`)
  const wanted = hash.digest('hex')
  if (present && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  run()
  mkdirSync(join(root, '.cache', 'setup'), { recursive: true })
  writeFileSync(stamp, wanted)
}

function installNodePackages() {
  once('node-packages', ['package-lock.json'], existsSync(join(root, 'node_modules/.package-lock.json')), () => {
    say('◔ set up   Node packages')
    const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']
    const done = spawnSync(npm[0], [...npm.slice(1), 'ci', '--no-fund', '--no-audit', '--loglevel=error'], {
      cwd: root,
      encoding: 'utf8',
    })
    if (done.status !== 0)
      fail(`npm ci failed:\n${(done.stderr || done.error?.message || '').trim().split('\n').slice(0, 15).join('\n')}`)
  })
}

/** Programs that only some tests need, by Debian package. Elsewhere those tests are skipped and say how to get them (test/need.ts). */
const systemPackages = {
  podman: ['podman', 'buildah', 'runc', 'netavark', 'iptables', 'mmdebstrap'],
  chromium: ['chromium'],
  postgres: ['postgresql'],
  sshd: ['openssh-server'],
}

function installSystemPackages() {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return
  const installed = name => answers('dpkg', ['-s', name]).stdout?.includes('Status: install ok installed')
  const missing = Object.values(systemPackages)
    .flat()
    .filter(name => !installed(name))
  if (!missing.length) return
  say(`◔ set up   Debian packages for the tests: ${missing.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = args => spawnSync('apt-get', ['-qq', ...args], { env, encoding: 'utf8', timeout: 600_000 })
  apt(['update'])
  const done = apt(['install', '-y', '--no-install-recommends', ...missing])
  if (done.status !== 0)
    say(
      `! set up   apt-get could not install them; the tests that need them say so:\n${done.stderr?.trim().split('\n').slice(-5).join('\n')}`,
    )
}

const build = () =>
  execFileSync(process.execPath, [join(root, 'build.mjs')], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })

const tasks = {
  demo: ['bin/demo.ts'],
  test: ['test/run.ts'],
}
if (task && !(task in tasks)) fail(`"${task}" is not a task; known: ${Object.keys(tasks).join(', ')}`)
const started = performance.now()
checkPrograms()
installNodePackages()
if (task === 'test' && rest[0] !== 'unit') installSystemPackages()
try {
  build()
} catch {
  fail('The build failed; its messages are above.')
}
say(`✓ set up   ${((performance.now() - started) / 1000).toFixed(0)} s   Node packages, build`)
if (task) {
  const child = spawn(process.execPath, ['--import', 'tsx', ...tasks[task], ...rest], { cwd: root, stdio: 'inherit' })
  // Ctrl-C reaches the whole process group; the task ends itself and what it started, and we wait for that.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signal !== 'SIGINT' && child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
}
