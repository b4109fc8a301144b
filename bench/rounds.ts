/** Rounds of measurements: made one after the other, kept in a file if asked, so that a long benchmark can go on later. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { type Figure, tableOf } from './figures.ts'

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
  /** Rounds that run side by side. */
  atOnce?: number
  /** Prepares; what it gives makes one round, by its number. */
  start(): Promise<(round: number) => Promise<Values>>
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

/** Makes the rounds that are missing and prints the figures of all. */
export async function measure(parts: readonly Part[], options: Options, say: (text: string) => void): Promise<void> {
  const { samples, only, json } = options
  const rounds = samples && existsSync(samples) ? readFileSync(samples, 'utf8').trim().split('\n').map(parseRound) : []
  const keep = (round: Round) => {
    rounds.push(round)
    if (samples) appendFileSync(samples, `${JSON.stringify(round)}\n`)
  }
  const deadline = performance.now() + options.minutes * 60_000
  const chosen = parts.filter(part => part.name.startsWith(only))
  for (const part of chosen) {
    const before = rounds.filter(round => round.part === part.name).length
    if (before < part.rounds && performance.now() < deadline) await makeRounds(part, before, { deadline, keep, say })
  }
  const figures = chosen.flatMap(part =>
    part.figures(rounds.filter(round => round.part === part.name).map(({ values }) => values)),
  )
  const shown = rounds.filter(round => chosen.some(part => part.name === round.part))
  console.log(json ? JSON.stringify({ figures, rounds: shown }, null, 1) : `${machine()}\n\n${tableOf(figures)}`)
}

async function makeRounds(
  part: Part,
  before: number,
  { deadline, keep, say }: { deadline: number; keep(round: Round): void; say(text: string): void },
): Promise<void> {
  const make = await part.start()
  const { atOnce = 1 } = part
  for (let first = before; first < part.rounds && performance.now() < deadline; first += atOnce) {
    const numbers = Array.from({ length: Math.min(atOnce, part.rounds - first) }, (_, i) => first + i)
    await Promise.all(
      numbers.map(async number => {
        const start = { part: part.name, at: new Date().toISOString(), load: loadavg()[0] ?? 0 }
        const made = Object.entries(await make(number)).map(([name, value]): [string, number] => [name, Number(value.toFixed(3))])
        keep({ ...start, values: Object.fromEntries(made) })
        say(`${part.name}, ${number + 1} of ${part.rounds}: ${made.map(value => value.join(' ')).join(', ')}`)
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
