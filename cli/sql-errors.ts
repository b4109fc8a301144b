/** DuckDB's own words, and what there is to choose from. */
import { UserError } from '../shared/errors.ts'
import { oneLine } from '../shared/format.ts'
import { HISTORY_TABLES } from '../shared/history-index.ts'
import { EXIT } from '../shared/reasons.ts'
import { suggest } from '../shared/suggest.ts'
import { columnsOf } from './sql-database.ts'

/** A question that was wrong; anything that is not DuckDB's is answered as it is. */
export function explainSqlError(error: unknown, sql: string): unknown {
  if (error instanceof UserError || !(error instanceof Error)) return error
  const [first = '', ...rest] = error.message.replace(/^Failed to extract statements: /, '').split('\n')
  if (/^INTERRUPT/.test(first)) return new UserError('Interrupted.', { exitCode: EXIT.interrupted, cause: error })
  if (/^Out of Memory/.test(first))
    return new UserError(`${oneLine(first, 300)}`, {
      hint: 'Ask for fewer days (where day >= current_date - 30) or fewer columns.',
      exitCode: EXIT.infrastructure,
      cause: error,
    })
  if (/^IO Error/.test(first))
    return new UserError(oneLine(first, 400), {
      hint: 'Is the disk of the cache folder full? TIDEMILL_CACHE names another one.',
      exitCode: EXIT.infrastructure,
      cause: error,
    })
  if (!/^[A-Z][A-Za-z ]* Error: /.test(first)) return error
  const pointer = rest.slice(rest.findIndex(line => line.startsWith('LINE ')))
  const shown = rest.some(line => line.startsWith('LINE ')) ? `\n${pointer.slice(0, 2).join('\n')}` : ''
  const hint = hintFor(error.message, sql)
  return new UserError(`${oneLine(first, 400)}${shown}`, { ...(hint !== undefined && { hint }), cause: error })
}

function hintFor(message: string, sql: string): string | undefined {
  if (/^Permission Error/.test(message)) return `It reads the tables ${HISTORY_TABLES.join(', ')} and nothing else.`
  const table = /Table with name (\S+) does not exist/.exec(message)?.[1]
  if (table !== undefined) return meantText(table, HISTORY_TABLES, `Tables: ${HISTORY_TABLES.join(', ')}.`)
  const column =
    /Referenced column "([^"]+)" (?:was )?not found/.exec(message)?.[1] ??
    /does not have a column named "([^"]+)"/.exec(message)?.[1] ??
    /[Cc]olumn "([^"]+)" (?:does not exist|not found|cannot be found)/.exec(message)?.[1]
  if (column === undefined) return undefined
  const used = HISTORY_TABLES.filter(name => new RegExp(`\\b${name}\\b`, 'i').test(sql))
  const columns = used.map(
    name =>
      `${name} has ${columnsOf(name)
        .map(each => each.name)
        .join(', ')}.`,
  )
  const names = used.flatMap(name => columnsOf(name).map(each => each.name))
  return columns.length ? meantText(column, names, columns.join('\n')) : undefined
}

function meantText(written: string, known: readonly string[], rest: string): string {
  const near = suggest(written, known)
  return near === undefined ? rest : `Did you mean "${near}"? ${rest}`
}
