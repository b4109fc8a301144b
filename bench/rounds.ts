/** Rounds of measurements: made one after the other, kept in a file if asked, so that a long benchmark can go on later. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { type Figure, tableOf } from './figures.ts'
import type { Bench } from './start.ts'

export type Values = Record<string, number>

export interface Round {
  part: string
  at: string
  /** Load of the machine when the round began, average of a minute. */
  load: number
  values: Values
}

export interface Part {
  name: string
  rounds: number
  /** Rounds that began under a higher load than this do not count: something else ran. */
  maxLoad?: number
  /** Rounds that run side by side. */
  atOnce?: number
  /** Prepares; what it gives makes one round, by its number. */
  start(bench: Bench): Promise<(round: number) => Promise<Values>>
  figures(rounds: Values[]): Figure[]
}

export interface Options {
  pairs: number
  trials: number
  /** Of the first trial, to repeat it. */
  seed: number | undefined
  quick: boolean
  json: boolean
  only: string
  /** Rounds are taken from and added to this file. */
  samples: string | undefined
  /** No round begins later than this. */
  minutes: number
}

export function readOptions(argv: readonly string[]): Options {
  const option = (name: string) => (argv.includes(name) ? argv[argv.indexOf(name) + 1] : undefined)
  const quick = argv.includes('--quick')
  return {
    quick,
    pairs: Number(option('--pairs') ?? (quick ? 3 : 7)),
    trials: Number(option('--trials') ?? (quick ? 6 : 50)),
    seed: option('--seed') === undefined ? undefined : Number(option('--seed')),
    json: argv.includes('--json'),
    only: option('--only') ?? '',
    samples: option('--samples'),
    minutes: Number(option('--minutes') ?? Number.POSITIVE_INFINITY),
  }
}

/** Makes the rounds that are missing and prints the figures of all. `open` is called when there are some. */
export async function measure(parts: readonly Part[], options: Options, open: () => Promise<Bench>): Promise<void> {
  const { samples, only, json } = options
  const rounds = samples && existsSync(samples) ? parseRounds(readFileSync(samples, 'utf8')) : []
  const keep = (round: Round) => {
    rounds.push(round)
    if (samples) appendFileSync(samples, `${JSON.stringify(round)}\n`)
  }
  const deadline = performance.now() + options.minutes * 60_000
  const chosen = parts.filter(part => part.name.startsWith(only))
  for (const part of chosen) {
    const before = roundsOf(part, rounds).length
    if (before < part.rounds && performance.now() < deadline)
      await makeRounds(part, before, { deadline, keep, bench: await open() })
  }
  const figures = figuresOf(chosen, rounds)
  const shown = rounds.filter(round => chosen.some(part => part.name === round.part))
  console.log(json ? JSON.stringify({ figures, rounds: shown }, null, 1) : `${machine()}\n\n${tableOf(figures)}`)
}

export const figuresOf = (parts: readonly Part[], rounds: readonly Round[]): Figure[] =>
  parts.flatMap(part => part.figures(roundsOf(part, rounds).map(({ values }) => values)))

const roundsOf = ({ name, maxLoad = Number.POSITIVE_INFINITY }: Part, rounds: readonly Round[]) =>
  rounds.filter(({ part, load }) => part === name && load <= maxLoad)

/** One JSON object a line. */
export const parseRounds = (text: string): Round[] => text.trim().split('\n').filter(Boolean).map(parseRound)

async function makeRounds(
  part: Part,
  before: number,
  { deadline, keep, bench }: { deadline: number; keep(round: Round): void; bench: Bench },
): Promise<void> {
  const make = await part.start(bench)
  const { atOnce = 1 } = part
  for (let first = before; first < part.rounds && performance.now() < deadline; first += atOnce) {
    const numbers = Array.from({ length: Math.min(atOnce, part.rounds - first) }, (_, i) => first + i)
    await Promise.all(
      numbers.map(async number => {
        const start = { part: part.name, at: new Date().toISOString(), load: loadavg()[0] ?? 0 }
        const made = Object.entries(await make(number)).map(([name, value]): [string, number] => [name, Number(value.toFixed(3))])
        keep({ ...start, values: Object.fromEntries(made) })
        const told = made.map(value => value.join(' ')).join(', ')
        process.stderr.write(`◔ ${part.name}, ${number + 1} of ${part.rounds}: ${told}\n`)
      }),
    )
  }
}

function parseRound(line: string): Round {
  const round = JSON.parse(line) as Round
  if (typeof round.part !== 'string' || typeof round.values !== 'object') throw new Error(`not a round of a benchmark: ${line}`)
  return round
}

function machine(): string {
  const [first] = cpus()
  return `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${first?.model ?? 'unknown'}, Node ${process.version}, dbt-core 1.11.16 with DuckDB, 4 threads`
}
