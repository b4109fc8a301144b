import assert from 'node:assert/strict'
import { test } from 'node:test'
import { artifactsCommand, downloadBelow } from '../../cli/artifacts.ts'
import { cancelCommand } from '../../cli/cancel.ts'
import { parseSince } from '../../cli/option-values.ts'
import { pauseCommand } from '../../cli/pause.ts'
import { runCommand } from '../../cli/run.ts'
import { runsCommand } from '../../cli/runs.ts'
import { showCommand } from '../../cli/show.ts'
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
import type { Config } from '../../shared/config-model.ts'
import { KEY } from '../../shared/contract.ts'
import { UserError } from '../../shared/errors.ts'
import { NO_NODES, type NodeResult, type RunRecord } from '../../shared/run.ts'
import { CONFIG, fakeBucket, fakeClock, fakeConnection, fakeContext, input, makeAttempt, makeRun, NOW } from './fakes.ts'

const ID = '20261122T010004-9f3ac2d1b7e4'
const started = (request: ApiRequest): ApiResponse => {
  assert.equal(request.operation, 'run')
  return { ok: true, run: makeRun(ID, { status: 'queued' }), message: 'started' }
}

test('run sends what was asked, with a key of its own', async () => {
  const connection = fakeConnection({ api: started })
  const outcome = await runCommand.run(
    fakeContext(connection),
    input(
      { job: 'nightly' },
      { step: ['dbt build -s a', 'dbt test'], commit: '4f2c1ab', fullRefresh: true, vars: '{day: "2026-11-22"}' },
    ),
  )
  assert.deepEqual(connection.requests, [
    {
      operation: 'run',
      job: 'shop/nightly',
      idempotencyKey: 'key-1',
      overrides: { steps: ['dbt build -s a', 'dbt test'], commit: '4f2c1ab', fullRefresh: true, vars: { day: '2026-11-22' } },
    },
  ])
  assert.equal(outcome.exitCode, undefined)
  assert.match(outcome.lines.join('\n'), new RegExp(`tidemill logs ${ID} --follow`))
})

for (const [status, reason, code] of [
  ['success', undefined, 0],
  ['warn', undefined, 0],
  ['error', 'node_failures', 1],
  ['error', 'out_of_memory', 3],
  ['skipped', 'paused', 3],
] as const)
  test(`run --wait ends with ${code} for ${status} ${reason ?? ''}`, async () => {
    const connection = fakeConnection({ runs: [makeRun(ID, { status: 'queued' })], api: started })
    const clock = fakeClock(() => {
      connection.table.runs = [makeRun(ID, { status, ...(reason && { reason }), attempts: [makeAttempt(1)] })]
    })
    const outcome = await runCommand.run(
      fakeContext(connection, { effects: { clock } }),
      input({ job: 'nightly' }, { wait: true }),
    )
    assert.equal(outcome.exitCode, code)
    assert.equal((outcome.document as { run: RunRecord }).run.status, status)
  })

test('Ctrl-C while waiting ends with 130, and says how to cancel', async () => {
  const stop = new AbortController()
  const connection = fakeConnection({ runs: [makeRun(ID, { status: 'queued' })], api: started })
  const effects = { clock: fakeClock(() => stop.abort()), interrupt: stop.signal }
  const outcome = await runCommand.run(fakeContext(connection, { effects }), input({ job: 'nightly' }, { follow: true }))
  assert.equal(outcome.exitCode, 130)
  assert.match(outcome.lines.join('\n'), new RegExp(`goes on.*tidemill cancel ${ID}`))
  assert.equal(connection.requests.length, 1)
})

test('run refuses what contradicts itself before anything is asked', async () => {
  const refused = async (options: Record<string, unknown>, pattern: RegExp) => {
    const connection = fakeConnection({})
    await assert.rejects(
      runCommand.run(fakeContext(connection), input({ job: 'nightly' }, options)),
      (error: unknown) => error instanceof UserError && error.exitCode === 2 && pattern.test(error.message),
    )
  }
  await refused({ branch: 'a', commit: '4f2c1ab' }, /cannot be given together/)
  await refused({ commit: 'HEAD' }, /not a commit hash/)
  await refused({ vars: '[1, 2]' }, /not a mapping/)
  await refused({ vars: '{a: ' }, /not a mapping/)
})

test('a refusal of the api keeps its words; rights and faults end with 3, the rest with 2', async () => {
  for (const [status, code] of [
    [400, 2],
    [403, 3],
    [404, 2],
    [409, 2],
    [500, 3],
  ] as const) {
    const connection = fakeConnection({ api: () => ({ ok: false, status, message: `refused ${status}`, hint: 'do this' }) })
    await assert.rejects(
      pauseCommand.run(fakeContext(connection), input({ job: 'nightly' })),
      (error: unknown) =>
        error instanceof UserError &&
        error.message === `refused ${status}` &&
        error.hint === 'do this' &&
        error.exitCode === code,
    )
  }
})

test('a job that does not exist is named, with the one that was meant', async () => {
  await assert.rejects(
    runCommand.run(fakeContext(fakeConnection({})), input({ job: 'nigthly' })),
    (error: unknown) =>
      error instanceof UserError && /did you mean "nightly"/.test(error.message) && /shop\/hourly/.test(error.hint ?? ''),
  )
})

test('cancel asks for the run that a short name means', async () => {
  const connection = fakeConnection({ runs: [makeRun(ID, { status: 'running' })], api: () => ({ ok: true, message: 'Asked.' }) })
  await cancelCommand.run(fakeContext(connection), input({ run: '9f3ac' }))
  assert.deepEqual(connection.requests, [{ operation: 'cancel', run: ID }])
})

test('runs and show make names from outside inert, and leave names whole without a terminal', async () => {
  const job = 'x'.repeat(200)
  const commit = { sha: '4f2c1ab0', author: 'A\u001b[31m', subject: 'one\ntwo \u202e', committedAt: '' }
  const run = makeRun(ID, { job, commit, counts: { success: 151, warn: 1, error: 2, fail: 1, skipped: 31, 'no-op': 0 } })
  const context = fakeContext(fakeConnection({ runs: [run] }))
  const list = await runsCommand.run(context, input())
  assert.match(list.lines[1] ?? '', new RegExp(`✓ +success +${job} +today 01:00 .*151 ok 1 ! 3 ✗ 31 – +schedule +4f2c1ab +${ID}`))
  const shown = (await showCommand.run(context, input({ run: ID }))).lines.join('\n')
  assert.match(shown, /Commit {7}4f2c1ab "one two" \(A\)/)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
  assert.doesNotMatch(shown, /[\u0000-\u0008\u001b\u202e]/)
})

test('show leaves out how every container ends, and says why one does not start', async () => {
  const show = async (fields: Partial<RunRecord>) =>
    (await showCommand.run(fakeContext(fakeConnection({ runs: [makeRun(ID, fields)] })), input({ run: ID }))).lines.join('\n')
  const ended = { stoppedReason: 'Essential container in task exited', exitCode: 0 }
  const usual = await show({ attempts: [{ ...makeAttempt(1), ...ended, stopCode: 'EssentialContainerExited' }] })
  assert.match(usual, /1 attempt[\s\S]*exit code 0/)
  assert.doesNotMatch(usual, /Essential/)
  const killed = { stopCode: 'SpotInterruption', stoppedReason: 'Your Spot Task was interrupted.' }
  assert.match(await show({ attempts: [{ ...makeAttempt(1), ...killed }] }), /SpotInterruption, Your Spot Task was interrupted/)
  const { startedAt: _, ...waiting } = makeRun(ID, { status: 'starting', lastLaunchError: 'RESOURCE:MEMORY' })
  const text = (await showCommand.run(fakeContext(fakeConnection({ runs: [waiting] })), input({ run: ID }))).lines.join('\n')
  assert.match(text, /Last start +RESOURCE:MEMORY/)
})

test('show names the hosted page of the run where there is one, and else the command', async () => {
  const show = async (config: Config) =>
    (
      await showCommand.run(
        fakeContext(fakeConnection({ runs: [makeRun(ID, { attempts: [makeAttempt(1)] })], config })),
        input({ run: ID }),
      )
    ).lines.join('\n')
  assert.match(await show(CONFIG), new RegExp(`Browser: +tidemill ui --run ${ID}`))
  const site = { domain: 'runs.acme.example', docsDomain: 'd', certificate: 'c', signIn: { kind: 'password' } } as const
  assert.match(await show({ ...CONFIG, site }), new RegExp(`Browser: +https://runs.acme.example/#/runs/${ID}`))
})

test('a failed run names its first nodes with the words of the database and the file', async () => {
  const message =
    'Database Error in model a (models/a.sql)\n  column "x" does not exist\n  LINE 1: select x\n  compiled code at /app/a.sql'
  const node = (n: number) => ({
    uniqueId: `model.shop.a${n}`,
    name: `a${n}`,
    resourceType: 'model',
    status: 'error',
    message,
    path: 'models/a.sql',
  })
  const failures = [1, 2, 3, 4, 5, 6].map(node) as NodeResult[]
  const counts = { ...NO_NODES, error: 8 }
  const show = async (fields: Partial<RunRecord>) =>
    (await showCommand.run(fakeContext(fakeConnection({ runs: [makeRun(ID, fields)] })), input({ run: ID }))).lines
  const lines = await show({ status: 'error', reason: 'node_failures', message: '8 of 9 models failed.', failures, counts })
  assert.deepEqual(lines.slice(1, 3), [
    '  a1: column "x" does not exist  (models/a.sql)',
    '  a2: column "x" does not exist  (models/a.sql)',
  ])
  assert.equal(lines[6], '  + 3 more')
  assert.ok(lines.includes('Failures'))
  const other = await show({ status: 'error', reason: 'timeout', message: 'The time limit of 60 s passed.', failures, counts })
  assert.equal(other[1], '  The time limit of 60 s passed.')
})

test('runs fits the terminal', async () => {
  const context = fakeContext(fakeConnection({ runs: [makeRun(ID, { job: 'a_long_name_for_a_job_that_does_many_things' })] }))
  context.stdout.columns = 100
  const { lines } = await runsCommand.run(context, input())
  assert.ok(
    lines.every(line => line.length <= 100),
    lines.join('\n'),
  )
  assert.ok(lines[1]?.endsWith(ID), 'the id can still be pasted')
})

test('runs without any says so, and --status takes only statuses', async () => {
  const context = fakeContext(fakeConnection({}))
  assert.match((await runsCommand.run(context, input())).lines.join('\n'), /No runs in the last 31 days/)
  await assert.rejects(runsCommand.run(context, input({}, { status: ['failed'] })), /"failed" is not a status/)
})

test('--since reads spans, dates and times', () => {
  assert.equal(parseSince('90m', NOW).toISOString(), '2026-11-22T10:30:00.000Z')
  assert.equal(parseSince('3d', NOW).toISOString(), '2026-11-19T12:00:00.000Z')
  assert.equal(parseSince('2026-11-20', NOW).toISOString(), '2026-11-20T00:00:00.000Z')
  assert.equal(parseSince('2026-11-20T08:00', NOW).toISOString(), '2026-11-20T08:00:00.000Z')
  assert.equal(parseSince('2026-11-20T08:00:00+02:00', NOW).toISOString(), '2026-11-20T06:00:00.000Z')
  for (const bad of ['', '3', 'yesterday', '2026-13-01', '-3d']) assert.throws(() => parseSince(bad, NOW), UserError, bad)
})

test('artifacts lists what a run left, without the parts of its log', async () => {
  const run = makeRun(ID)
  const key = (name: string) => `${KEY.run(run)}${name}`
  const objects = { [key('run.json')]: Buffer.from('{}'), [key('1/parts/000001.ndjson.gz')]: Buffer.from('x') }
  const { lines, document } = await artifactsCommand.run(
    fakeContext(fakeConnection({ runs: [run], objects })),
    input({ run: ID }),
  )
  assert.ok(lines.some(line => /run\.json/.test(line)) && !lines.some(line => /parts/.test(line)))
  assert.equal((document as { files: unknown[] }).files.length, 2)
})

test('a name that leads out of the folder is not downloaded', async () => {
  const bucket = fakeBucket({})
  for (const name of ['../x', 'a/../../x', '/etc/x', '..', ''])
    await assert.rejects(downloadBelow(bucket, `k/${name}`, '/nowhere/inside', name), /leads out of/, name)
  assert.deepEqual(bucket.downloads, [])
})
