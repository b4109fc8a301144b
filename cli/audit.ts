import type { AuditEntry } from '../shared/api.ts'
import { auditDayKey } from '../shared/contract.ts'
import { UserError } from '../shared/errors.ts'
import { fieldsOf } from '../shared/fields.ts'
import { formatDay, oneLine } from '../shared/format.ts'
import { type Command, type Context, type Input, type Outcome, textOption } from './command.ts'
import type { Table } from './connection.ts'
import { connect } from './installation.ts'
import { findJob } from './job-name.ts'
import { parseCount, parseSince } from './option-values.ts'
import { formatTable } from './table.ts'

export const auditCommand: Command = {
  usage: 'audit',
  summary: 'who asked for what, and how it was answered, newest first; also what was refused',
  options: [
    { flags: '--job <name>', text: 'only what was about this job' },
    { flags: '--actor <text>', text: 'only of identities with this text in them' },
    { flags: '--since <when>', text: 'not older than e.g. 2h, 3d, 2026-11-20 (default: 7d)' },
    { flags: '-n, --count <number>', text: 'at most so many (default: 50)' },
  ],
  examples: ['tidemill audit --job nightly --since 30d', 'tidemill audit --actor ana'],
  run: showAudit,
}

interface Wanted {
  job: string | undefined
  actor: string
  since: Date
  limit: number
}

const DAY_MS = 86_400_000

async function showAudit(context: Context, input: Input): Promise<Outcome> {
  const { effects } = context
  const now = effects.clock.now()
  const limit = parseCount(textOption(input, 'count') ?? '50', '--count')
  const since = parseSince(textOption(input, 'since') ?? '7d', now)
  if (now.getTime() - since.getTime() > 400 * DAY_MS) throw new UserError('--since goes back more than 400 days.')
  const connection = await connect(context)
  const word = textOption(input, 'job')
  const job = word === undefined ? undefined : findJob(await connection.config(), word)
  const wanted = { job, actor: textOption(input, 'actor') ?? '', since, limit }
  const entries = await readTrail(connection.table, wanted, now)
  return {
    document: { entries },
    lines: entries.length ? trailLines(context, entries, now) : [`Nothing since ${since.toISOString()}.`],
  }
}

async function readTrail(table: Table, { job, actor, since, limit }: Wanted, now: Date): Promise<AuditEntry[]> {
  const found: AuditEntry[] = []
  // One day more than now: the clock here may be behind the one that made the entries.
  for (let time = now.getTime() + DAY_MS; time > since.getTime() - DAY_MS && found.length < limit; time -= DAY_MS)
    for await (const page of pages(table, auditDayKey(new Date(time).toISOString().slice(0, 10)))) {
      const fits = (entry: AuditEntry) =>
        entry.at >= since.toISOString() && entry.actor.includes(actor) && (job === undefined || entry.job === job)
      found.push(...page.filter(fits))
      if (found.length >= limit) break
    }
  return found.slice(0, limit)
}

async function* pages(table: Table, partition: string): AsyncGenerator<AuditEntry[]> {
  const limit = 100
  for (let before: string | undefined; ; ) {
    const keys: string[] = await table.query('day', partition, { limit, ...(before !== undefined && { before }) })
    const entries = (await table.getMany(keys)).flatMap(item => parseEntry(item) ?? [])
    yield entries.sort((a, b) => (a.id < b.id ? 1 : -1))
    before = keys.at(-1)?.replace(/^AUDIT#/, '')
    if (keys.length < limit || before === undefined) return
  }
}

function parseEntry(item: unknown): AuditEntry | undefined {
  const { id, at, actor, operation, subject, job, ok, answer } = fieldsOf(item)
  const texts = [id, at, actor, operation, subject, answer]
  if (!texts.every(text => typeof text === 'string') || typeof ok !== 'boolean') return undefined
  return { id, at, actor, operation, subject, ok, answer, ...(typeof job === 'string' && { job }) } as AuditEntry
}

function trailLines({ effects, style }: Context, entries: AuditEntry[], now: Date): string[] {
  const rows = entries.map(entry => [
    { text: entry.ok ? '✓' : '✗', paint: entry.ok ? style.green : style.red },
    { text: formatDay(new Date(entry.at), now, effects.zone) },
    { text: whoText(entry.actor) },
    { text: oneLine(entry.operation, 20) },
    { text: oneLine(entry.job ?? entry.subject, 80) },
    { text: oneLine(entry.answer, 300) },
  ])
  const columns = [
    { title: '' },
    { title: `WHEN (${effects.zone})` },
    { title: 'WHO', shrinkTo: 16 },
    { title: 'WHAT' },
    { title: 'OF', shrinkTo: 12 },
    { title: 'ANSWER', shrinkTo: 20 },
  ]
  return formatTable(columns, rows, effects.stdout.columns)
}

/** `user/ana` of an ARN: the account and the service are the same in every line; `--json` has all of it. */
const whoText = (actor: string) => oneLine(/^arn:[^:]*:[^:]*:[^:]*:[^:]*:(.+)$/.exec(actor)?.[1] ?? actor, 120)
