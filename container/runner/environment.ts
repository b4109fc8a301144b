/** The environment: taken from this process at the start, and given in small allowed parts to git and dbt. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { ENV } from '../../shared/contract.ts'

/** What the runner itself and its AWS client need. Everything else may be a secret and leaves `process.env`. */
const OURS =
  /^(PATH|HOME|LANG|TZ|TMPDIR|HOSTNAME|NODE_.*|AWS_.*|ECS_.*|TIDEMILL_.*|SSL_CERT_(FILE|DIR)|(HTTPS?|NO|ALL)_PROXY|https?_proxy|no_proxy)$/

/** Network settings of the machine, no secrets by themselves: git and dbt reach the outside the same way as the runner. */
const NETWORK = [
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'GIT_SSL_CAINFO',
  'REQUESTS_CA_BUNDLE',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
]

export type Environment = Readonly<Record<string, string>>

export interface TakenEnvironment {
  /** All that the process was started with. */
  all: Environment
  /** False if the kernel still shows the first environment in /proc: nothing untrusted may then be trusted not to read it. */
  hidden: boolean
}

/**
 * Takes the environment out of reach of other processes. `delete process.env.X` leaves the strings in `/proc/<pid>/environ`,
 * where SQL can read them, so the memory behind that file is overwritten. What the runner needs is set again, on the heap.
 */
export function takeEnvironment(env: NodeJS.ProcessEnv): TakenEnvironment {
  const all = Object.fromEntries(Object.entries(env).filter((e): e is [string, string] => e[1] !== undefined))
  const hidden = wipeInitialEnvironment()
  for (const name of Object.keys(all)) delete env[name]
  for (const [name, value] of Object.entries(all)) if (isOurs(name)) env[name] = value
  return { all, hidden }
}

const isOurs = (name: string) => OURS.test(name) && name !== ENV.gitToken && name !== ENV.gitSshKey

/** Returns whether `/proc/self/environ` is empty afterwards; without /proc there is nothing to hide. */
function wipeInitialEnvironment(): boolean {
  let stat: string
  try {
    stat = readFileSync('/proc/self/stat', 'utf8')
  } catch {
    return true
  }
  try {
    // proc(5): env_start and env_end are fields 50 and 51; the name in field 2 may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const start = Number(fields[47])
    const length = Number(fields[48]) - start
    const memory = openSync('/proc/self/mem', 'r+')
    writeSync(memory, Buffer.alloc(length), 0, length, start)
    closeSync(memory)
    return readFileSync('/proc/self/environ').every(byte => byte === 0)
  } catch {
    return false
  }
}

const pick = (all: Environment, names: readonly string[]) =>
  Object.fromEntries(names.flatMap(name => (all[name] === undefined ? [] : [[name, all[name]]])))

/** What every child gets: where programs are, a home of the run's own, and the machine's network settings. */
export const childEnvironment = (all: Environment, home: string): Record<string, string> => ({
  ...pick(all, ['PATH', 'TZ', 'LD_LIBRARY_PATH', ...NETWORK]),
  HOME: home,
  LANG: 'C.UTF-8',
})

/** The task role's credentials and region, for dbt only where the environment says so. */
const awsEnvironment = (all: Environment) =>
  pick(
    all,
    Object.keys(all).filter(name => /^(AWS_|ECS_CONTAINER_METADATA)/.test(name)),
  )

/** Settings that dbt reads from its environment; ours come last and win. `stamp` lands in `metadata.env` of every artifact. */
export function dbtEnvironment(options: {
  all: Environment
  home: string
  variables: Environment
  secrets: Environment
  passAwsCredentials: boolean
  stamp: string
  targetPath: string
}): Record<string, string> {
  return {
    ...childEnvironment(options.all, options.home),
    ...(options.passAwsCredentials && awsEnvironment(options.all)),
    ...options.variables,
    ...options.secrets,
    PYTHONUNBUFFERED: '1',
    DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
    // `deps` and `debug` know it only in this form.
    DBT_TARGET_PATH: options.targetPath,
    [STAMP_VARIABLE]: options.stamp,
  }
}

const STAMP_VARIABLE = 'DBT_ENV_CUSTOM_ENV_TIDEMILL'
/** Key of the stamp in `metadata.env` of an artifact. */
export const STAMP_KEY = 'TIDEMILL'
