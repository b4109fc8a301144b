/** The command line as a process, in a folder and with an environment of its own. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Nothing of the caller's AWS settings; no metadata service is asked. */
const clean = (home: string) => ({ PATH: process.env.PATH, HOME: home, AWS_EC2_METADATA_DISABLED: 'true', TZ: 'UTC' })

export function tidemill(
  folder: string,
  args: string[],
  env: Record<string, string | undefined> = {},
  seconds = 60,
): Promise<Ended> {
  const words = ['--import', join(root, 'node_modules/tsx/dist/esm/index.mjs'), join(root, 'bin/tidemill.ts'), ...args]
  return runNode(words, folder, { ...clean(folder), ...env }, seconds)
}

export function runNode(words: string[], cwd: string, env: Record<string, string | undefined>, seconds: number): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, words, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: seconds * 1000 })
    const ended: Ended = { code: null, stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', text => (ended.stdout += text))
    child.stderr.setEncoding('utf8').on('data', text => (ended.stderr += text))
    child.on('error', reject)
    child.on('close', code => resolve({ ...ended, code }))
  })
}

/** A folder with these files, removed at the end of the test. */
export function makeFolder(t: { after(fn: () => void): void }, files: Record<string, string | Uint8Array>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-cli-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}
