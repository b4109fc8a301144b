import { UserError } from '../shared/errors.ts'
import { EXIT, exitCodeOf } from '../shared/reasons.ts'
import type { RunOverrides, RunRecord } from '../shared/run.ts'
import { unwrap } from './api-answer.ts'
import { type Command, type Context, flagOption, type Input, listOption, type Outcome, textOption } from './command.ts'
import type { Connection } from './connection.ts'
import { connect } from './installation.ts'
import { findJob } from './job-name.ts'
import { browserOf, endLines } from './run-text.ts'
import { watchRun } from './watch.ts'

export const runCommand: Command = {
  usage: 'run <job>',
  summary: 'run a job now',
  options: [
    { flags: '--wait', text: 'wait for the end; the exit code says how it ended (0 good, 1 dbt failed, 3 infrastructure)' },
    { flags: '--follow', text: 'wait, and show stages and models as they happen' },
    { flags: '--idempotency-key <key>', text: 'the same key starts the job only once, however often it is asked' },
    { flags: '--step <command>', text: 'a dbt command in place of the steps of the job (repeatable)', many: true },
    { flags: '--branch <name>', text: 'another branch for this run' },
    { flags: '--commit <sha>', text: 'another commit for this run' },
    { flags: '--full-refresh', text: 'rebuild incremental models' },
    { flags: '--vars <yaml>', text: 'variables of dbt, e.g. "{day: 2026-11-22}"' },
  ],
  examples: ['tidemill run nightly --follow', 'tidemill run nightly --step "dbt build --select stg_orders+" --wait'],
  run: runJob,
}

async function runJob(context: Context, input: Input): Promise<Outcome> {
  const overrides = await readOverrides(input)
  const connection = await connect(context)
  const job = findJob(await connection.config(), input.words.job ?? '')
  const idempotencyKey = textOption(input, 'idempotencyKey') ?? context.effects.randomKey()
  const answer = unwrap(
    await connection.api({ operation: 'run', job, idempotencyKey, ...(Object.keys(overrides).length > 0 && { overrides }) }),
  )
  const { run } = answer
  if (!run) throw new UserError(`The api started no run: ${answer.message}`, { exitCode: EXIT.infrastructure })
  const existed = answer.existed === true
  const wait = flagOption(input, 'wait') || flagOption(input, 'follow')
  const started = existed ? `Run ${run.id} of ${job} exists already for this key.` : `Started run ${run.id} of ${job}.`
  if (!wait)
    return {
      document: { run, existed },
      lines: [started, `Follow it:  tidemill logs ${run.id} --follow`, `Cancel it:  tidemill cancel ${run.id}`],
    }
  context.say(started)
  return waitForRun(context, connection, run, { nodes: flagOption(input, 'follow'), existed })
}

/** Until the end, or Ctrl-C: the run goes on then. */
export async function waitForRun(
  { effects, globals, style }: Context,
  connection: Connection,
  run: RunRecord,
  { from = 1, nodes, existed }: { from?: number; nodes: boolean; existed: boolean },
): Promise<Outcome> {
  const sink = globals.json ? effects.stderr : effects.stdout
  const { clock, interrupt: signal } = effects
  const record = await watchRun(run.id, { connection, sink, clock, style, signal, nodes, from })
  if (!record)
    return {
      document: { run, existed, interrupted: true },
      lines: [`The run goes on. Cancel it:  tidemill cancel ${run.id}`, `Look again:  tidemill logs ${run.id} --follow`],
      exitCode: EXIT.interrupted,
    }
  const more =
    record.status === 'success'
      ? []
      : [`  See:  tidemill show ${record.id}   tidemill logs ${record.id}   ${browserOf(await connection.config(), record.id)}`]
  return {
    document: { run: record, existed },
    lines: [...endLines(record, style, clock.now()), ...more],
    exitCode: exitCodeOf(record.status, record.reason),
  }
}

async function readOverrides(input: Input): Promise<RunOverrides> {
  const steps = listOption(input, 'step')
  const branch = textOption(input, 'branch')
  const commit = textOption(input, 'commit')
  const vars = textOption(input, 'vars')
  if (branch !== undefined && commit !== undefined)
    throw new UserError('--branch and --commit cannot be given together.', {
      hint: 'A commit is run as it is, whatever branch it is on.',
    })
  if (commit !== undefined && !/^[0-9a-f]{7,40}$/.test(commit))
    throw new UserError(`--commit "${commit}" is not a commit hash.`, {
      hint: 'Give 7 to 40 hexadecimal digits, as git log shows them.',
    })
  return {
    ...(steps.length > 0 && { steps }),
    ...(branch !== undefined && { branch }),
    ...(commit !== undefined && { commit }),
    ...(flagOption(input, 'fullRefresh') && { fullRefresh: true }),
    ...(vars !== undefined && { vars: await parseVars(vars) }),
  }
}

/** As dbt reads it: YAML or JSON with names at the top. */
async function parseVars(text: string): Promise<Record<string, unknown>> {
  const { parse } = await import('yaml')
  let value: unknown
  try {
    value = parse(text)
  } catch {
    value = undefined
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new UserError(`--vars "${text}" is not a mapping of names to values.`, {
    hint: 'Write it as YAML or JSON: --vars "{day: 2026-11-22}"',
  })
}
