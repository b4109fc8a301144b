/** Effects that every Lambda has: clock, chance, log. */
import { randomBytes } from 'node:crypto'
import { type Log, makeLog } from './log.ts'

export interface Runtime {
  now(): Date
  random(): string
  log: Log
  sleep(milliseconds: number): Promise<void>
}

export const makeRuntime = (name: string): Runtime => ({
  now: () => new Date(),
  random: () => randomBytes(6).toString('hex'),
  log: makeLog(line => process.stdout.write(`${line}\n`), { function: name }),
  sleep: milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds)),
})
