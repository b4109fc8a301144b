import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { apiUrlOf } from '../../local/cloud-start.ts'
import { countResources, explainFailure } from '../../local/deploy.ts'
import { createFaults } from '../../local/ecs/faults.ts'
import { parseLogOptions, splitLines } from '../../local/ecs/log-driver.ts'
import { parseSecretReference } from '../../local/ecs/secrets.ts'
import { parseLocalImage } from '../../local/image.ts'
import { isAlive, startOf } from '../../local/process.ts'

test('references of secrets: ARN, ARN without its random end, field, stage, version, name', () => {
  const arn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-AbCdEf'
  assert.deepEqual(parseSecretReference(arn), { id: arn })
  assert.deepEqual(parseSecretReference(`${arn}:password::`), { id: arn, field: 'password' })
  assert.deepEqual(parseSecretReference(`${arn}::AWSPREVIOUS:`), { id: arn, versionStage: 'AWSPREVIOUS' })
  assert.deepEqual(parseSecretReference(`${arn}:f:s:v`), { id: arn, field: 'f', versionStage: 's', versionId: 'v' })
  assert.deepEqual(parseSecretReference('plain'), { id: 'plain' })
  assert.throws(() => parseSecretReference('arn:aws:ssm:eu-central-1:123456789012:parameter/x'))
})

test('references of local images', () => {
  assert.deepEqual(parseLocalImage('tidemill.local/runner:core-1.11-duckdb'), { engine: 'core-1.11', adapters: ['duckdb'] })
  assert.deepEqual(parseLocalImage('tidemill.local/runner:core-1.12-duckdb-postgres')?.adapters, ['duckdb', 'postgres'])
  for (const image of ['busybox', 'tidemill.local/runner:latest', 'tidemill.local/runner:core-1.11-../x'])
    assert.equal(parseLocalImage(image), undefined)
})

test('options of the log driver', () => {
  const options = { 'awslogs-group': '/g', 'awslogs-stream-prefix': 'run', mode: 'non-blocking', 'max-buffer-size': '25m' }
  assert.deepEqual(parseLogOptions({ logDriver: 'awslogs', options }, 'runner', 'id'), {
    group: '/g',
    stream: 'run/runner/id',
    mode: 'non-blocking',
    bufferBytes: 25 * 2 ** 20,
  })
  assert.equal(parseLogOptions({ logDriver: 'json-file', options: {} }, 'runner', 'id'), undefined)
})

test('lines over chunk borders, CRLF, empty lines, broken UTF-8, a line without end, a line of 1 MB', async () => {
  const source = new PassThrough()
  const lines: string[] = []
  const done = new Promise<void>(resolve => splitLines(source, line => lines.push(line), resolve))
  const euro = Buffer.from('€')
  for (const chunk of [Buffer.from('one\ntw'), Buffer.from('o\r\n\n'), euro.subarray(0, 1), euro.subarray(1)]) source.write(chunk)
  source.write(Buffer.from([0xff, 0x0a]))
  source.write(`${'x'.repeat(1_000_000)}\n`)
  source.end('end')
  await done
  const long = lines.slice(4, -1)
  assert.deepEqual(lines.slice(0, 4), ['one', 'two', ' ', '€\ufffd'])
  assert.equal(long.join(''), 'x'.repeat(1_000_000))
  assert.ok(long.every(line => line.length <= 65_530))
  assert.equal(lines.at(-1), 'end')
})

test('a fault meets what it is armed for, as often as it says, and counts', () => {
  const faults = createFaults()
  const armed = faults.arm({ count: 2, match: { startedBy: 'a/1' }, fault: { kind: 'capacity' } })
  assert.equal(faults.take('capacity', { startedBy: 'b/1', family: 'f' }), undefined)
  assert.equal(faults.take('throttling', { startedBy: 'a/1', family: 'f' }), undefined)
  for (let i = 0; i < 2; i++) assert.ok(faults.take('capacity', { startedBy: 'a/1', family: 'f' }))
  assert.equal(faults.take('capacity', { startedBy: 'a/1', family: 'f' }), undefined)
  assert.equal(armed.injected, 2)
  const later = faults.arm({ fault: { kind: 'spot' } })
  assert.equal(faults.reserve('spot', { family: 'f' })?.fault.noticeSeconds, 120)
  assert.deepEqual([later.left, later.injected], [0, 0])
  assert.throws(() => faults.arm({ fault: { kind: 'spot', afterSeconds: 'soon' } }))
})

test('progress over several stacks, with and without totals', () => {
  const count = countResources()
  assert.equal(count('tidemill: deploying... [1/2]'), undefined)
  assert.deepEqual(count('one |  3/10 | 5:30:00 PM | CREATE_COMPLETE | AWS::S3::Bucket | B'), { done: 3, total: 10 })
  assert.deepEqual(count('two |  2/5 | 5:30:00 PM | CREATE_COMPLETE | AWS::S3::Bucket | B'), { done: 5, total: 15 })
  assert.deepEqual(countResources()('one |   4 | 5:30:00 PM | CREATE_COMPLETE | AWS::S3::Bucket | B'), { done: 4, total: 0 })
})

test('a failed deployment is told by the resources that failed, else by the first error', () => {
  const failed = 's | 1/2 | now | CREATE_FAILED | AWS::S3::Bucket | B  Bucket exists'
  assert.equal(explainFailure(['x', failed, 's | 1/2 | now | CREATE_FAILED | A | Resource creation cancelled']), failed)
  assert.equal(explainFailure(['start', 'Error: no tidemill.yml', 'Make one.']), 'Error: no tidemill.yml\nMake one.')
  assert.equal(explainFailure(['only', 'this', '']), 'only\nthis')
  const refused = ['', 'thrown', '', '«CannotFindAsset» Cannot find asset at x', '', 'app: Subprocess exited with error 1', '']
  assert.equal(explainFailure(refused), '«CannotFindAsset» Cannot find asset at x\napp: Subprocess exited with error 1')
})

test('the address of the api on loopback', () => {
  const outputs = { ApiUrl: 'https://abc123.lambda-url.us-east-1.on.aws/' }
  assert.deepEqual(apiUrlOf('http://127.0.0.1:4566', outputs), { apiUrl: 'http://127.0.0.1:4566/_aws/lambda-url/abc123/' })
  assert.deepEqual(apiUrlOf('http://127.0.0.1:4566', {}), {})
})

test('a pid that was given to another process is not ours', () => {
  const started = startOf(process.pid)
  assert.ok(started)
  assert.ok(isAlive({ pid: process.pid, started }))
  assert.ok(!isAlive({ pid: process.pid, started: `${started}1` }))
  assert.ok(!isAlive(undefined))
})
