/**
 * What a question needs, before anything is fetched: DuckDB plans it over empty tables of the same columns, and its plan says
 * which columns of which tables it reads, and under which conditions on the day.
 */
import { z } from 'zod/mini'
import { UserError } from '../shared/errors.ts'
import { HISTORY_TABLES, type HistoryTable } from '../shared/history-index.ts'
import { TABLES } from '../shared/history-tables.ts'
import { columnsOf, type Database, definitionOf, quoteText, rowsOf, shutIn } from './sql-database.ts'
import { explainSqlError } from './sql-errors.ts'

/** Of one table; tables that are not read have none. */
export interface Need {
  /** Columns of its files. */
  columns: Set<string>
  /** Each alternative is a list of conditions on `day`, all of which hold for a row that is wanted. */
  conditions: string[][]
}
export type Needs = Map<HistoryTable, Need>

/** DuckDB's numbers (StatementType) for SELECT, also `FROM t`, `DESCRIBE t`, `SUMMARIZE t`, and for EXPLAIN. */
const SELECT = 1
const EXPLAIN = 4
const EXPLAINS = /^\s*explain(\s+analyze)?(\s*\([^)]*\))?\s/i

/**
 * Checks the question and answers what it needs. Throws a UserError with DuckDB's words where it is wrong. `database`: one of its
 * own, which is shut in before it sees the question: planning opens what a question names.
 */
export async function planQuestion(database: Database, sql: string): Promise<Needs> {
  const { connection } = database
  for (const table of HISTORY_TABLES) await connection.run(`CREATE TABLE ${table} (${definitionOf(table)})`)
  // Empty tables would make the answer known, and nothing would be read.
  await connection.run("SET disabled_optimizers = 'statistics_propagation'")
  await shutIn(database, [])
  try {
    await requireSelect(database, sql)
    const [row] = await rowsOf(database, `EXPLAIN (FORMAT json) ${sql.replace(EXPLAINS, '')}`)
    return readPlan(JSON.parse(String(row?.explain_value)))
  } catch (error) {
    throw explainSqlError(error, sql)
  }
}

/** One statement that only reads. What it could read or write of the machine is shut by the database's settings too. */
async function requireSelect({ connection }: Database, sql: string): Promise<void> {
  if (!sql.replace(/--.*$|\/\*[\s\S]*?\*\//gm, '').trim())
    throw new UserError('There is no question.', { hint: "E.g.: tidemill sql 'select status, count(*) from runs group by all'" })
  const text = sql.replace(EXPLAINS, '')
  const statements = await connection.extractStatements(text)
  if (statements.count !== 1)
    throw new UserError('One statement at a time.', {
      hint: 'PIVOT counts as several unless it names its values: PIVOT runs ON status IN (success, error) USING count(*).',
    })
  const { statementType } = await statements.prepare(0)
  if (statementType !== SELECT && !(statementType === EXPLAIN && text === sql))
    throw new UserError('The history can only be read: SELECT, WITH, FROM, DESCRIBE, SUMMARIZE, SHOW TABLES or EXPLAIN.')
}

const texts = z.catch(
  z.union([
    z.pipe(
      z.string(),
      z.transform(text => [text]),
    ),
    z.array(z.string()),
  ]),
  [],
)
const operator = z.object({
  name: z.string(),
  children: z.array(z.unknown()),
  extra_info: z.catch(z.object({ Table: z.optional(z.string()), Projections: texts, Filters: texts }), {
    Projections: [],
    Filters: [],
  }),
})

function readPlan(plan: unknown): Needs {
  const needs: Needs = new Map()
  const visit = (value: unknown) => {
    const { children, extra_info: info } = operator.parse(value)
    const table = HISTORY_TABLES.find(name => info.Table?.endsWith(`.main.${name}`))
    if (table) add(needs, table, info.Projections, info.Filters)
    children.forEach(visit)
  }
  z.array(z.unknown()).parse(plan).forEach(visit)
  return needs
}

function add(needs: Needs, table: HistoryTable, projections: string[], filters: string[]) {
  const need = needs.get(table) ?? { columns: new Set(), conditions: [] }
  needs.set(table, need)
  const conditions = filters.map(text => text.replace(/^optional: /, ''))
  // A column that only a condition names is not among the projections.
  const used = (name: string) => projections.includes(name) || conditions.some(text => hasWord(text, name))
  for (const { name } of columnsOf(table)) if (used(name)) need.columns.add(name)
  // The day is made from it, and it also cuts away the days around.
  if (need.columns.delete('day')) need.columns.add('claimed_at')
  need.conditions.push(conditions.map(relax))
}

const hasWord = (text: string, word: string) => new RegExp(`(?<![\\w$])${word}(?![\\w$])`).test(text)

const COMPARED = String.raw`(run_id|claimed_at)(>=|<=|=|>|<)'(\d{4})-?(\d\d)?-?(\d\d)?[^']*'(?:::TIMESTAMP)?`
const ALL_COMPARED = new RegExp(`^${COMPARED}( AND ${COMPARED})*$`)

/** Ids and times of claims begin with the day, so a condition on one of them is one on the day, if a weaker one. */
export function relax(filter: string): string {
  // Compared with now(), which has a zone: the session's is UTC.
  const condition = filter.replace(
    /^\(CAST\(claimed_at AS TIMESTAMP WITH TIME ZONE\) (>=|<=|=|>|<) ('[^']*)\+00'::TIMESTAMP WITH TIME ZONE\)$/,
    "claimed_at$1$2'::TIMESTAMP",
  )
  if (/^run_id IN \('\d{8}T[^']*'(, '\d{8}T[^']*')*\)$/.test(condition))
    return condition.replace('run_id', 'day').replace(/'(\d{4})(\d{2})(\d{2})T[^']*'/g, "'$1-$2-$3'")
  if (!ALL_COMPARED.test(condition)) return condition
  return condition.replace(new RegExp(COMPARED, 'g'), (_, _column, sign: string, year: string, month = '01', day = '01') => {
    return `day${sign === '=' ? '=' : `${sign[0]}=`}'${year}-${month}-${day}'`
  })
}

/** Of these days those that can hold rows that are wanted. A condition that is not about the day alone keeps all of them. */
export async function wantedDays(database: Database, need: Need, days: readonly string[]): Promise<Set<string>> {
  const wanted = new Set<string>()
  if (days.length === 0) return wanted
  const list = days.map(day => `(DATE ${quoteText(day)})`).join(', ')
  for (const conditions of need.conditions) {
    let left = new Set(days)
    for (const condition of conditions) {
      const rows = await rowsOf(database, `SELECT day FROM (VALUES ${list}) days(day) WHERE ${condition}`).catch(() => undefined)
      if (!rows) continue
      const kept = new Set(rows.map(row => String(row.day)))
      left = new Set([...left].filter(day => kept.has(day)))
    }
    for (const day of left) wanted.add(day)
  }
  return wanted
}

export const allColumns = (table: HistoryTable) => new Set<string>(TABLES[table].columns.map(({ name }) => name))
