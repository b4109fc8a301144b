import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onlyLooks, parseDbtCommand, stepNames, withOverrides } from '../../shared/dbt-command.ts'
import { isRefusal } from '../../shared/refusal.ts'

function args(line: string): string[] {
  const command = parseDbtCommand(line)
  assert.ok(!isRefusal(command), JSON.stringify(command))
  return command.args
}

function refused(line: string): string {
  const command = parseDbtCommand(line)
  assert.ok(isRefusal(command), `${line} is accepted`)
  return command.refused
}

test('words by the quoting rules of a shell', () => {
  assert.deepEqual(args('dbt build'), ['build'])
  assert.deepEqual(args('  dbt   build  --select  tag:a,b+ '), ['build', '--select', 'tag:a,b+'])
  assert.deepEqual(args(`dbt run --vars '{"a": "x y"}'`), ['run', '--vars', '{"a": "x y"}'])
  assert.deepEqual(args(`dbt run --vars "{\\"a\\": 1}"`), ['run', '--vars', '{"a": 1}'])
  assert.deepEqual(args(`dbt run-operation grant --args '{role: "a|b; $(x) > y"}'`), [
    'run-operation',
    'grant',
    '--args',
    '{role: "a|b; $(x) > y"}',
  ])
  assert.deepEqual(args(`dbt build --select a'b c'd e\\ f ""`), ['build', '--select', 'ab cd', 'e f', ''])
  assert.deepEqual(args('dbt build \\\n  --select a'), ['build', '--select', 'a'])
  assert.deepEqual(args('dbt build --select path:models/*'), ['build', '--select', 'path:models/*'])
})

test('what needs a shell is refused with what to do', () => {
  assert.match(refused('dbt build && dbt test'), /^"&&" joins commands; write one step for each/)
  assert.match(refused('dbt build; dbt test'), /^";" joins commands/)
  assert.match(refused('dbt build || true'), /^"\|\|" joins/)
  assert.match(refused('dbt ls | wc'), /^"\|" is a pipe/)
  assert.match(refused('dbt ls > x'), /^">" redirects/)
  assert.match(refused('dbt build &'), /^"&" starts in the background/)
  assert.match(refused('dbt build --select $(x)'), /^"\$\(" runs a command inside/)
  assert.match(refused('dbt build --select `x`'), /^"`" runs a command inside/)
  assert.match(
    refused('dbt build --select $MODEL'),
    /^"\$MODEL" would stay as it is: there is no shell; in the project write env_var/,
  )
  assert.match(refused(`dbt build --select "\${MODEL}"`), /^"\$\{MODEL\}" would stay/)
  assert.match(refused('dbt build # all'), /begins no comment here/)
  assert.match(refused('dbt build\ndbt test'), /several lines/)
  assert.match(refused(`dbt build --vars '{`), /' that is not closed/)
  assert.match(refused('dbt build "'), /" that is not closed/)
  assert.match(refused('dbt build \\'), /ends in a \\/)
})

test('the first word is dbt, the command is one of dbt’s that makes sense in a job', () => {
  assert.match(refused(''), /is empty/)
  assert.match(refused('build --select a'), /write "dbt build …"/)
  assert.match(refused('DBT_X=1 dbt build'), /put variables in `variables`/)
  assert.match(refused('bash run.sh'), /a step is a dbt command/)
  assert.match(refused('dbt biuld'), /is not a dbt command; did you mean "build"\?/)
  assert.match(refused('dbt source'), /needs a second word: dbt source freshness/)
  assert.match(refused('dbt'), /names no dbt command/)
  for (const line of ['dbt init', 'dbt docs serve', 'dbt retry']) assert.match(refused(line), /makes no sense in a job/)
  assert.deepEqual(args('dbt --warn-error build'), ['--warn-error', 'build'])
  assert.deepEqual(args('dbt --printer-width 120 build'), ['--printer-width', '120', 'build'])
})

test('flags that the runner or the environment sets are refused with the reason', () => {
  for (const flag of [
    '--profiles-dir',
    '--project-dir',
    '--target-path',
    '--log-path',
    '--log-format',
    '--target',
    '-t',
    '--no-write-json',
  ])
    for (const line of [`dbt build ${flag} x`, `dbt build ${flag}=x`])
      assert.match(refused(line), new RegExp(`^${flag} is not for a step: .{10}`))
  assert.match(refused('dbt build --vars x'), /--vars needs a map/)
})

test('names of steps for keys', () => {
  assert.deepEqual(stepNames(['build', 'test', 'source freshness', 'test', 'test']), [
    'build',
    'test',
    'source-freshness',
    'test-2',
    'test-3',
  ])
})

test('a job that only looks does nothing', () => {
  const commands = (...lines: string[]) => lines.map(parseDbtCommand).flatMap(each => (isRefusal(each) ? [] : [each]))
  assert.equal(onlyLooks(commands('dbt debug')), true)
  assert.equal(onlyLooks(commands('dbt debug', 'dbt build')), false)
})

test('a request adds --full-refresh where the command takes it', () => {
  assert.deepEqual(withOverrides(['build', '-s', 'a'], { fullRefresh: true }), ['build', '-s', 'a', '--full-refresh'])
  assert.deepEqual(withOverrides(['build', '--full-refresh'], { fullRefresh: true }), ['build', '--full-refresh'])
  assert.deepEqual(withOverrides(['--warn-error', 'seed'], { fullRefresh: true }), ['--warn-error', 'seed', '--full-refresh'])
  for (const command of [['test'], ['snapshot'], ['source', 'freshness'], ['run-operation', 'build']])
    assert.deepEqual(withOverrides(command, { fullRefresh: true }), command)
})

test('variables of a request go over those of the step, in one --vars', () => {
  assert.deepEqual(withOverrides(['run'], { vars: { day: '2027-01-31' } }), ['run', '--vars', '{"day":"2027-01-31"}'])
  assert.deepEqual(withOverrides(['run', '--vars', '{day: 1, other: [2]}', '-s', 'a'], { vars: { day: 3 } }), [
    'run',
    '-s',
    'a',
    '--vars',
    '{"day":3,"other":[2]}',
  ])
  assert.deepEqual(withOverrides(['run', '--vars={a: 1}'], { vars: { b: 2 } }), ['run', '--vars', '{"a":1,"b":2}'])
  assert.deepEqual(withOverrides(['run', '--vars', '{a: 1}'], { vars: {} }), ['run', '--vars', '{a: 1}'])
})
