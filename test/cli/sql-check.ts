/** Asks a question of docs/questions.md, right and wrong, over a history of known content. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { sqlCommand } from '../../cli/sql.ts'
import { fakeConnection, fakeContext, input } from './fakes.ts'
import { makeHistory, type Row, runRow } from './sql-history.ts'

const cache = mkdtempSync(join(tmpdir(), 'tidemill-sql-'))
after(() => rmSync(cache, { recursive: true, force: true }))

/** Title and SQL of each question of the page. */
const page = readFileSync(join(import.meta.dirname, '../../docs/questions.md'), 'utf8')
export const questions = new Map(
  [...page.matchAll(/^## (.+)$[\s\S]*?```sql\n([\s\S]*?)```/gm)].map(([, title = '', sql = '']) => [title, sql]),
)

const DAY = 86_400_000
const today = Date.parse(`${new Date().toISOString().slice(0, 10)}T00:00:00Z`)
/** ISO 8601, so many days ago at this time of the day. */
export const ago = (days: number, time = '02:00') => `${new Date(today - days * DAY).toISOString().slice(0, 10)}T${time}:00.000Z`
const dateOf = (days: number) => ago(days).slice(0, 10)

const STATUS: Record<string, string> = { S: 'success', W: 'warn', F: 'error' }

/**
 * `S`, `W`, `F`: a good, a warning and a failed run a day, the last one yesterday; a commit to each letter in `commits`. `time`: for
 * two jobs another one, so that a question that mixes them has one wrong answer.
 */
export function runsOf(job: string, outcomes: string, commits: string, time?: string): Row[] {
  return [...outcomes].map((outcome, i) => {
    const at = ago(outcomes.length - i, time)
    const ended = new Date(Date.parse(at) + (outcome === 'F' ? 10 : 20) * 60_000).toISOString()
    return runRow(at, { job, status: STATUS[outcome], ended_at: ended, commit_sha: commits[i] })
  })
}

type Rows = Parameters<typeof makeHistory>[0]
/** Part of the question, and what makes it wrong in its place. */
type Wrong = [part: string, instead: string]

/** The question has this answer, and no wrong one of these has it. `days`: so many days ago, in a file of the day. */
export async function check(title: string, rows: Rows, days: number[], expected: unknown[], wrong: Wrong[]): Promise<void> {
  const sql = questions.get(title) ?? assert.fail(`docs/questions.md has no question "${title}"`)
  const objects = makeHistory(rows, { days: days.map(dateOf) })
  const ask = async (question: string) => {
    const context = fakeContext(fakeConnection({ objects }), { effects: { env: { TIDEMILL_CACHE: join(cache, title) } } })
    return ((await sqlCommand.run(context, input({ question }))).document as { rows: unknown }).rows
  }
  assert.deepEqual(await ask(sql), expected)
  for (const [part, instead] of wrong) {
    const other = sql.replaceAll(part, instead)
    assert.notEqual(other, sql, `${part} is not in the question`)
    assert.notDeepEqual(await ask(other), expected, `with "${instead}" for "${part}" the answer is the same`)
  }
}
