/** The machine's own Chromium, headless, without its calls home. */
import { type Browser, chromium } from 'playwright-core'
import { findProgram } from './need.ts'

export const openBrowser = (...args: string[]): Promise<Browser> =>
  chromium.launch({
    executablePath: findProgram('chromium') ?? '',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...args,
    ],
  })
