import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditCommand } from '../../cli/audit.ts'
import { backfillCommand } from '../../cli/backfill.ts'
import { pasteable } from '../../cli/pasteable.ts'
import { pauseCommand } from '../../cli/pause.ts'
import { rerunCommand } from '../../cli/rerun.ts'
import { statusCommand } from '../../cli/status.ts'
import type { ApiRequest, ApiResponse, BackfillRequest } from '../../shared/api.ts'
import { auditDayKey, PK } from '../../shared/contract.ts'
import { UserError } from '../../shared/errors.ts'
import type { RunRecord } from '../../shared/run.ts'
import { config as fullConfig, job } from '../lib/fixture.ts'
import { fakeClock, fakeConnection, fakeContext, input, makeRun, NOW } from './fakes.ts'

const ID = '20261122T010004-9f3ac2d1b7e4'
const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000).toISOString()
const utc = [{ name: 'default', cron: '0 2 * * *', expressions: ['cron(0 2 * * ? *)'], timezone: 'UTC', enabled: true }]
const CONFIG = fullConfig({
  jobs: { 'ferry/nightly': job('nightly', { schedules: utc }), 'ferry/hourly': job('hourly', { schedules: [] }) },
})
test('pause names a job or an environment, never both and never nothing', async () => {
  const ask = async (words: Record<string, string>, options: Record<string, unknown>) => {
    const connection = fakeConnection({ config: CONFIG, api: () => ({ ok: true, message: 'Done.' }) })
    await pauseCommand.run(fakeContext(connection), input(words, options))
    return connection.requests
  }
  assert.deepEqual(await ask({}, { environment: 'prod' }), [{ operation: 'pause', environment: 'ferry/prod' }])
  assert.deepEqual(await ask({ job: 'hourly' }, {}), [{ operation: 'pause', job: 'ferry/hourly' }])
  for (const [words, options, message] of [
    [{}, {}, /What is to be paused/],
    [{ job: 'hourly' }, { environment: 'prod' }, /together/],
    [{}, { environment: 'prdo' }, /did you mean "prod"/],
  ] as const)
    await assert.rejects(ask(words, options), (error: unknown) => error instanceof UserError && message.test(error.message))
})

test('rerun asks for the run that a short name means, exactly if wanted', async () => {
  const api = (): ApiResponse => ({
    ok: true,
    run: makeRun('20261122T120000-000000000001', { status: 'queued' }),
    message: 'Run waits.',
  })
  const connection = fakeConnection({ runs: [makeRun(ID)], api })
  const outcome = await rerunCommand.run(fakeContext(connection), input({ run: '9f3ac' }, { exact: true }))
  assert.deepEqual(connection.requests, [{ operation: 'rerun', run: ID, idempotencyKey: 'key-1', exact: true }])
  assert.equal(outcome.lines[0], 'Run waits.')
})

test('audit: newest first over several days, by actor and by job', async () => {
  const entry = (when: string, fields: object) => ({
    pk: PK.audit(`${when}-1`),
    dayKey: auditDayKey(when.slice(0, 10)),
    ...{
      id: `${when}-1`,
      at: when,
      actor: 'arn:aws:iam::1:user/ana',
      operation: 'run',
      subject: ID,
      job: 'ferry/nightly',
      ok: true,
      answer: 'a',
    },
    ...fields,
  })
  const items = [
    entry(at(-60), {}),
    entry(at(-30), { actor: 'arn:aws:iam::1:user/ben', operation: 'cancel', ok: false, answer: 'Run x is over.\u001b[31m' }),
    entry(at(-1500), { operation: 'pause', subject: 'prod', job: undefined }),
    entry(at(-30_000), { operation: 'resume' }),
  ]
  const trail = async (options: Record<string, unknown>) => {
    const outcome = await auditCommand.run(fakeContext(fakeConnection({ items, config: CONFIG })), input({}, options))
    return {
      words: (outcome.document as { entries: { operation: string }[] }).entries.map(each => each.operation),
      lines: outcome.lines,
    }
  }
  const all = await trail({})
  assert.deepEqual(all.words, ['cancel', 'run', 'pause'])
  assert.match(all.lines[1] ?? '', /✗ +today 11:30 +user\/ben +cancel +ferry\/nightly +Run x is over\.$/)
  assert.deepEqual((await trail({ actor: 'ana' })).words, ['run', 'pause'])
  assert.deepEqual((await trail({ job: 'nightly', since: '30d' })).words, ['cancel', 'run', 'resume'])
  assert.deepEqual((await trail({ count: '1' })).words, ['cancel'])
})

const january = { from: '2026-01-01', to: '2026-01-25', var: ['day={{ start }}'] }

test('backfill: slices go in portions of twenty, each with its variables, and are watched to the end', async () => {
  const table: RunRecord[] = []
  const api = (request: ApiRequest): ApiResponse => {
    const { slices, backfill } = request as BackfillRequest
    const runs = slices.map(({ start, end, overrides }, index) => {
      const id = `20261122T1200${String(table.length).padStart(2, '0')}-000000000001`
      const cause = { kind: 'request' as const, actor: 'a', idempotencyKey: 'k', slice: { backfill, start, end, number: 1 } }
      table.push(makeRun(id, { status: 'queued', cause, ...(overrides && { overrides }) }))
      return { start, run: table.at(-1) ?? assert.fail(), existed: index === 0 }
    })
    return { ok: true, runs, message: '' }
  }
  const connection = fakeConnection({ config: CONFIG, api })
  const clock = fakeClock(count => {
    connection.table.runs = table.map((each, index) => ({
      ...each,
      status: index === 3 ? 'error' : index < count * 10 ? 'success' : 'queued',
    }))
  })
  const context = fakeContext(connection, { effects: { clock } })
  const outcome = await backfillCommand.run(context, input({ job: 'nightly' }, january))
  const [first, second] = connection.requests as BackfillRequest[]
  assert.deepEqual([first?.slices.length, second?.slices.length, connection.requests.length], [20, 5, 2])
  assert.deepEqual(first?.slices[0], {
    start: '2026-01-01T00:00:00.000Z',
    end: '2026-01-02T00:00:00.000Z',
    overrides: { vars: { day: '2026-01-01' } },
  })
  assert.equal(outcome.exitCode, 1)
  assert.match(outcome.lines.join('\n'), /1 slice did not end well:\n {2}2026-01-04 {2}tidemill show/)
  assert.match(context.stdout.text, /✗ 2026-01-04 .*\n[\s\S]*✓ 2026-01-25[\s\S]*24 of 25 done, 1 failed/)
})

test('backfill: a dry run lists the slices and asks for nothing; the name does not depend on the dates', async () => {
  const dry = async (options: Record<string, unknown>) => {
    const connection = fakeConnection({ config: CONFIG })
    const outcome = await backfillCommand.run(
      fakeContext(connection),
      input({ job: 'nightly' }, { ...january, dryRun: true, ...options }),
    )
    assert.equal(connection.requests.length, 0)
    return { lines: outcome.lines, id: (outcome.document as { backfill: string }).backfill }
  }
  const { lines, id } = await dry({})
  assert.equal(lines.length, 27)
  assert.equal(lines[1], '  2026-01-01 to 2026-01-02  24 h  day=2026-01-01')
  assert.equal((await dry({ to: '2026-02-10' })).id, id)
  for (const other of [
    { key: 'again' },
    { var: ['day={{ end }}'] },
    { step: '2d' },
    { fullRefresh: true },
    { timezone: 'Europe/Berlin' },
  ])
    assert.notEqual((await dry(other)).id, id)
  const summer = await dry({ from: '2026-03-29', to: '2026-03-29', timezone: 'Europe/Berlin' })
  assert.equal(summer.lines[1], '  2026-03-29 to 2026-03-30  23 h  day=2026-03-29')
})

test('backfill refuses what would do the same in every slice, and what is no time', async () => {
  for (const [options, message] of [
    [{ var: [] }, /Every slice would do the same/],
    [{ var: ['day=1'] }, /Every slice would do the same/],
    [{ var: ['{{ start }}'] }, /name=value/],
    [{ var: ['d={{ strat }}'] }, /did you mean "start"/],
    [{ concurrency: '0' }, /from 1 to 50/],
    [{ timezone: 'Berlin' }, /not a time zone/],
    [{ from: undefined }, /Both --from and --to/],
    [{ step: '1m', to: '2026-02-01' }, /more than 1000 slices/],
  ] as const)
    await assert.rejects(
      backfillCommand.run(fakeContext(fakeConnection({ config: CONFIG })), input({ job: 'nightly' }, { ...january, ...options })),
      (error: unknown) => error instanceof UserError && message.test(error.message),
      JSON.stringify(options),
    )
})

test('commands that are named mean the same installation: the flags that chose it go with them', () => {
  const paste = (...argv: string[]) => pasteable([rerunCommand, statusCommand, { ...statusCommand, usage: 'next [job]' }], argv)
  assert.equal(
    paste('--local')('See: tidemill status, tidemill rerun X'),
    'See: tidemill --local status, tidemill --local rerun X',
  )
  assert.equal(paste('--local')('tidemill next nightly'), 'tidemill next nightly')
  assert.equal(
    paste('--config', 'my file.yml', '--region=eu-west-1')('tidemill status'),
    "tidemill --config 'my file.yml' --region=eu-west-1 status",
  )
  assert.equal(paste('runs')('tidemill status'), 'tidemill status')
  assert.equal(paste('--local')('the tidemill stack'), 'the tidemill stack')
})
