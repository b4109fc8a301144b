/** Programs outside npm and PyPI that some tests need. `node setup.mjs test` installs them as root on Debian and Ubuntu. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const PROGRAMS = {
  podman: { names: ['podman'], get: 'Debian, Ubuntu: apt-get install podman buildah runc netavark iptables mmdebstrap' },
  chromium: { names: ['chromium', 'chromium-browser', 'google-chrome'], get: 'Debian: apt-get install chromium' },
  sshd: { names: ['sshd'], get: 'Debian, Ubuntu: apt-get install openssh-server' },
  postgres: { names: ['postgres'], get: 'Debian, Ubuntu: apt-get install postgresql' },
} as const

/** Debian keeps the server's programs out of PATH, by version. */
const folders = [
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/sbin',
  ...['13', '14', '15', '16', '17', '18'].map(version => `/usr/lib/postgresql/${version}/bin`),
]

/** Path of a program, or undefined. */
export function findProgram(program: keyof typeof PROGRAMS): string | undefined {
  return folders.flatMap(folder => PROGRAMS[program].names.map(name => join(folder, name))).find(path => existsSync(path))
}

/**
 * The `skip` option of a test that needs a program: false where it is there, else the line that says how to get it.
 * @throws Error with CI=true, where a skipped test would hide a missing installation
 */
export function skipWithout(program: keyof typeof PROGRAMS): false | string {
  if (findProgram(program)) return false
  const why = `needs ${program} (${PROGRAMS[program].get})`
  if (process.env.CI === 'true') throw new Error(`${why}; with CI=true this test may not be skipped`)
  return why
}
