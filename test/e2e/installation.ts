/** An installation on this machine for the end-to-end test: local cloud, deployed app, webhook receiver, command line. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { down, type LocalCloud, up } from '../../local/cloud.ts'
import { deploy } from '../../local/deploy.ts'
import { makeProject } from './project.ts'

const root = join(import.meta.dirname, '../..')
const dist = join(root, 'dist')

export interface Answer {
  code: number | null
  // biome-ignore lint/suspicious/noExplicitAny: the tests assert on the shape
  json: any
  stderr: string
}

export interface Reply {
  status: number
  headers?: Record<string, string>
  /** The connection stays open without an answer. */
  hold?: boolean
}

export interface Installation {
  folder: string
  cloud: LocalCloud
  /** Bodies that the webhook received, in order. */
  received: { text: string; channel?: string }[]
  /** Answers the requests of messages, by path, in place of a plain 200; undefined: that one after all. */
  answerWith(answer: ((path: string, body: string) => Reply | undefined) | undefined): void
  /** Runs the built command line as a user would, with `--json`. */
  tidemill(...args: string[]): Promise<Answer>
  /** The messages about a run, after waiting until there are `count` (and a moment for one too many). */
  messagesOf(run: string, count: number): Promise<string[]>
  close(): Promise<void>
}

/** Writes repository, tidemill.yml and secrets below `folder`; `webhook` is where the Slack messages go. */
export type MakeProject = (folder: string, webhook: string) => void

export async function makeInstallation(
  make: MakeProject = makeProject,
  secrets: readonly string[] = ['chain-webhook', 'chain-teams'],
  /** Folder of the code that is deployed, where it is not the present one. */
  codeIn: (folder: string) => string = () => dist,
): Promise<Installation> {
  const folder = mkdtempSync(join(root, '.cache', 'e2e-'))
  const received: Installation['received'] = []
  let answer: Parameters<Installation['answerWith']>[0]
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => {
      body += chunk
    })
    request.on('end', () => {
      received.push(JSON.parse(body))
      const reply = answer?.(request.url ?? '', body)
      if (!reply?.hold) response.writeHead(reply?.status ?? 200, reply?.headers).end(reply ? '' : 'ok')
    })
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const close = async () => {
    server.close()
    server.closeAllConnections()
    await down({ folder })
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    make(folder, `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`)
    const cacheDir = join(root, '.cache')
    const cloud = await up({ folder, cacheDir, dist, onProgress: () => {}, secrets })
    await deploy({ cloud, configPath: join(folder, 'tidemill.yml'), dist: codeIn(folder), onProgress: () => {} })
    const tidemill = (...args: string[]) => runTidemill(folder, args)
    return {
      folder,
      cloud,
      received,
      answerWith(given) {
        answer = given
      },
      tidemill,
      messagesOf: (run, count) => messagesOf(received, run, count),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function runTidemill(folder: string, args: string[]): Promise<Answer> {
  const child = spawn(process.execPath, [join(dist, 'bin/tidemill.mjs'), ...args, '--local', '--json'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 180_000,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', chunk => {
    stdout += chunk
  })
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  return new Promise((done, failed) => {
    child.once('error', failed)
    child.once('close', code => {
      try {
        done({ code, json: JSON.parse(stdout), stderr })
      } catch {
        failed(new Error(`tidemill ${args.join(' ')} (exit ${code}) printed no JSON:\n${stdout}\n${stderr}`))
      }
    })
  })
}

async function messagesOf(received: Installation['received'], run: string, count: number): Promise<string[]> {
  const about = () => received.map(body => JSON.stringify(body)).filter(text => text.includes(run))
  for (let tries = 0; tries < 120 && about().length < count; tries++) await sleep(500)
  await sleep(1500)
  return about()
}
