import { type Change, diffConfigs } from '../shared/config-diff.ts'
import type { Config } from '../shared/config-model.ts'
import { formatDay, oneLine } from '../shared/format.ts'
import { type Command, type Context, type Input, type Outcome, textOption } from './command.ts'
import { loadDeployed, readDeployments, resolveHash } from './config-history.ts'
import { readConfig } from './config-load.ts'
import type { Connection } from './connection.ts'
import { connect } from './installation.ts'
import { parseCount } from './option-values.ts'
import type { Style } from './style.ts'
import { formatTable } from './table.ts'

export const configHistoryCommand: Command = {
  usage: 'config history',
  summary: 'the configurations that were deployed, newest first: when, and by whom',
  options: [{ flags: '-n, --count <number>', text: 'at most so many (default: 20)' }],
  run: showHistory,
}

export const configDiffCommand: Command = {
  usage: 'config diff [before] [after]',
  summary: 'what differs between two configurations: hashes, current, previous, or file (default: previous current)',
  options: [],
  examples: ['tidemill config diff', 'tidemill config diff current file', 'tidemill config diff 3fa9 81c0'],
  run: showDiff,
}

async function showHistory(context: Context, input: Input): Promise<Outcome> {
  const { effects, style } = context
  const limit = parseCount(textOption(input, 'count') ?? '20', '--count')
  const { table } = await connect(context)
  const deployments = await readDeployments(table, limit)
  const now = effects.clock.now()
  const rows = deployments.map((each, index) => [
    { text: index === 0 ? '✓' : '', paint: style.green },
    { text: formatDay(new Date(each.at), now, effects.zone) },
    { text: each.hash.slice(0, 12) },
    { text: oneLine(each.by, 200) },
  ])
  const columns = [
    { title: '' },
    { title: `DEPLOYED (${effects.zone})` },
    { title: 'CONFIGURATION' },
    { title: 'BY', shrinkTo: 20 },
  ]
  return {
    document: { deployments },
    lines: rows.length ? formatTable(columns, rows, effects.stdout.columns) : ['No deployment is recorded yet.'],
  }
}

async function showDiff(context: Context, input: Input): Promise<Outcome> {
  const connection = await connect(context)
  const [before, after] = [input.words.before ?? 'previous', input.words.after ?? 'current']
  const [old, now] = await Promise.all([load(context, connection, before), load(context, connection, after)])
  const changes = diffConfigs(old.config, now.config)
  return {
    document: { before: old.name, after: now.name, changes },
    lines: changes.length
      ? [`${old.name} to ${now.name}`, ...changeLines(changes, context.style)]
      : [`${old.name} and ${now.name} are the same.`],
  }
}

async function load(context: Context, connection: Connection, word: string): Promise<{ name: string; config: Config }> {
  if (word === 'file') return { name: 'tidemill.yml', config: await readConfig(context) }
  const hash = await resolveHash(connection, word)
  return { name: hash.slice(0, 12), config: await loadDeployed(connection, hash) }
}

/** Under each job or environment its options, old and new on lines of their own. */
function changeLines(changes: Change[], style: Style): string[] {
  const lines: string[] = []
  let section = ''
  for (const { where, option, before, after } of changes) {
    if (option === undefined) {
      lines.push(before === undefined ? style.green(`+ ${where}`) : style.red(`- ${where}`))
      continue
    }
    if (section !== where) lines.push(`  ${where}`)
    section = where
    if (before !== undefined) lines.push(style.red(`    - ${option}: ${oneLine(before, 300)}`))
    if (after !== undefined) lines.push(style.green(`    + ${option}: ${oneLine(after, 300)}`))
  }
  return lines
}
