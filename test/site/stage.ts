/** A browser before the pages of a made history: looks at them, and checks what must hold on every page. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
import { KEY } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'
import { openBrowser } from '../browser.ts'
import { hashOf } from '../fakes/records.ts'
import { type MadeHistory, recordOf } from './history.ts'
import { type Backend, type PageServer, servePages } from './server.ts'

const root = join(import.meta.dirname, '../..')
const SHOTS = join(root, '.cache/screenshots')
const AXE = readFileSync(join(root, 'node_modules/axe-core/axe.min.js'), 'utf8')

export interface View {
  page: Page
  /** A picture for people, in .cache/screenshots. */
  look(name: string): Promise<void>
  /** axe-core finds nothing. */
  axe(): Promise<void>
  /** Fails if the page had an error of its own. */
  close(): Promise<void>
}
export interface Stage {
  server: PageServer
  backend: Backend
  browser: Browser
  open(route: string, options?: BrowserContextOptions): Promise<View>
  close(): Promise<void>
}

export async function makeStage(history: MadeHistory, over: (plain: Backend) => Partial<Backend> = () => ({})): Promise<Stage> {
  const plain = backendOf(history)
  const backend: Backend = { ...plain, ...over(plain) }
  const server = await servePages(backend)
  const browser = await openBrowser()
  return {
    server,
    backend,
    browser,
    open: (route, options) => openView(browser, server.address(route), options),
    async close() {
      await browser.close()
      await server.close()
    },
  }
}

export function backendOf(history: MadeHistory): Backend {
  const byId = new Map(history.runs.map(run => [run.id, run]))
  const record = (id: string): RunRecord | undefined => {
    const row = byId.get(id)
    return row && recordOf(row, history.config)
  }
  return {
    me: {
      installation: 'tidemill',
      actor: 'local:ana',
      role: 'operator',
      config: KEY.config(hashOf(history.config)),
      docs: 'http://127.0.0.1:9',
      command: 'tidemill',
      version: '0.1.0',
    },
    object: key => history.objects.get(key),
    keys: prefix => [...history.objects.keys()].filter(key => key.startsWith(prefix)).sort(),
    record,
    open: () => [],
    paused: () => [],
    parts: () => [],
    act: (request: ApiRequest): ApiResponse => ({ ok: true, message: `did ${request.operation}` }),
  }
}

async function openView(browser: Browser, address: string, options: BrowserContextOptions = {}): Promise<View> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: 'Europe/Berlin', ...options })
  const page = await context.newPage()
  const errors: string[] = []
  page.on('pageerror', error => errors.push(error.message))
  // That an object does not exist is an answer, which the browser tells as a fault.
  const isAnswer = (text: string, url: string) => text.includes('404') && url.includes('/data/')
  page.on('console', message => {
    if (message.type() === 'error' && !isAnswer(message.text(), message.location().url)) errors.push(message.text())
  })
  await page.goto(address)
  return {
    page,
    ...looksAt(page),
    async close() {
      await context.close()
      assert.deepEqual([...new Set(errors)], [])
    },
  }
}

export const looksAt = (page: Page): Pick<View, 'look' | 'axe'> => ({
  async look(name) {
    mkdirSync(SHOTS, { recursive: true })
    await page.screenshot({ path: join(SHOTS, `${name}.png`) })
  },
  async axe() {
    await page.evaluate(AXE)
    const found = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> }
      }
      const { violations } = await axe.run()
      return violations.map(
        ({ id, nodes }) =>
          `${id}: ${nodes
            .slice(0, 3)
            .map(node => `${node.html.slice(0, 200)} ${node.failureSummary ?? ''}`)
            .join(' | ')}`,
      )
    })
    assert.deepEqual(found, [])
  },
})
