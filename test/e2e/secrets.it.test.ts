/** Secrets and the git token from Secrets Manager to dbt and git, and nowhere else, in a deployed installation. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { callAws } from '../../local/aws-json.ts'
import { down } from '../../local/cloud.ts'
import { type GitServer, startGitServer } from './git-server.ts'
import { type Installation, makeInstallation } from './installation.ts'
import { makeRepository, makeSecretProject, NAMES, type SecretValues } from './secret-project.ts'
import { type Found, filesHolding, formsOf, processesShowing } from './secret-search.ts'

/** With characters that URL, JSON and base64 each write in their own way. */
const makeValue = () => `${randomBytes(9).toString('hex')}/${randomBytes(3).toString('hex')}+ &${randomBytes(6).toString('hex')}`
const values: SecretValues = { token: randomBytes(20).toString('hex'), plain: makeValue(), field: makeValue() }
const cacheDir = join(import.meta.dirname, '../../.cache')

let vault: Installation
let host: GitServer
let repositories: string
before(
  async () => {
    mkdirSync(cacheDir, { recursive: true })
    repositories = mkdtempSync(join(cacheDir, 'repositories-'))
    makeRepository(repositories)
    host = await startGitServer(repositories, values.token)
    const make = (folder: string, webhook: string) => makeSecretProject(folder, `${host.url}/vault.git`, webhook, values)
    vault = await makeInstallation(make, Object.values(NAMES))
  },
  { timeout: 300_000 },
)
after(
  async () => {
    await vault?.close()
    host?.close()
    rmSync(repositories, { recursive: true, force: true })
  },
  { timeout: 60_000 },
)
const limit = { timeout: 180_000 }

const runs: string[] = []
async function run(job: string) {
  const { json, code } = await vault.tidemill('run', job, '--wait')
  assert.ok(json.run, JSON.stringify(json))
  runs.push(json.run.id)
  return { record: json.run, code }
}
const logOf = async (id: string) => JSON.stringify((await vault.tidemill('logs', id)).json)
const md5 = (value: string) => createHash('md5').update(value).digest('hex')

/** `.git/config` of the only running task, once its clone is there. */
function gitConfigOf(): string | undefined {
  const { tasks } = vault.cloud.paths
  const found = existsSync(tasks) ? readdirSync(tasks, { recursive: true, encoding: 'utf8' }) : []
  const config = found.find(name => name.endsWith('.git/config'))
  return config && join(tasks, config)
}

test(
  'fault 49: while a run is alive, the token is in no argument, no environment, and no file once dbt works',
  limit,
  async () => {
    const seen: (Found & { at: number })[] = []
    const warehouse = join(vault.folder, 'warehouse.duckdb')
    let dbtAt: number | undefined
    let looks = 0
    let gitConfig = ''
    let files: string[] = []
    const ended = new AbortController()
    const looking = (async () => {
      while (!ended.signal.aborted) {
        const at = Date.now()
        seen.push(...processesShowing(values.token).map(found => ({ ...found, at })))
        // dbt has the secrets of its environment: the same search finds them there.
        if (existsSync(warehouse) && processesShowing(values.plain).length > 0) {
          dbtAt ??= at
          looks++
          const config = gitConfigOf()
          if (config && gitConfig === '') {
            gitConfig = readFileSync(config, 'utf8')
            files = filesHolding(vault.cloud.paths.tasks, formsOf(values.token))
          }
        }
        await sleep(20)
      }
    })()
    const { record, code } = await run('tell').finally(() => ended.abort())
    await looking
    assert.equal(code, 0, JSON.stringify(record))
    assert.equal(record.status, 'success')

    assert.ok(dbtAt !== undefined && looks > 20, `dbt was seen ${looks} times`)
    // ECS gives it to the runner in its environment, which the runner takes away as soon as it is loaded.
    const [first] = seen
    const wrong = seen.filter(found => found.where === 'cmdline' || found.pid !== first?.pid || found.at - first.at > 15_000)
    assert.deepEqual(wrong, [])
    assert.ok(seen.every(({ at }) => at < Number(dbtAt)))
    assert.match(gitConfig, /\[remote "origin"\]/)
    assert.ok(!formsOf(values.token).some(form => gitConfig.includes(form)), gitConfig)
    assert.deepEqual(files, [])
    assert.ok(host.requests.some(request => request.token === 'right'))
    assert.ok(!host.requests.some(({ url }) => formsOf(values.token).some(form => url.includes(form))))
  },
)

test('fault 28: dbt gets both secrets, and what a model prints of them is masked', limit, async () => {
  const log = await logOf(runs[0] ?? '')
  assert.ok(log.includes(`digests ${md5(values.plain)} ${md5(values.field)}`), log)
  for (const masked of [/plain \*\*\* \*\*\*/, /encoded \*\*\* \*\*\*/, /base64 \w*\*\*\*/]) assert.match(log, masked)
  const { record } = await run('fail')
  assert.equal(record.reason, 'node_failures')
  assert.match(record.failures[0].message, /refused for \*\*\*/)
  assert.match((await vault.messagesOf(record.id, 1))[0] ?? '', /refused for \*\*\*/)
})

const setSecret = (SecretId: string, SecretString: string) =>
  callAws(vault.cloud, 'secretsmanager', 'PutSecretValue', { SecretId, SecretString })

test('fault 15: a token that is refused ends the run at once, by the name of its secret', limit, async () => {
  const wrong = randomBytes(20).toString('hex')
  await setSecret(NAMES.token, wrong)
  host.requests.length = 0
  const { record, code } = await run('tell')
  await setSecret(NAMES.token, values.token)
  assert.deepEqual([record.status, record.reason, code], ['error', 'source_auth', 3])
  assert.equal(record.attempts.length, 1)
  assert.equal(host.requests.filter(request => request.token === 'wrong').length, 1, 'it is offered once')
  assert.match(record.message, new RegExp(NAMES.token))
  const messages = await vault.messagesOf(record.id, 1)
  assert.equal(messages.length, 1)
  assert.match(messages[0] ?? '', new RegExp(NAMES.token))
  const everything = [JSON.stringify(record), await logOf(record.id), ...messages].join()
  assert.ok(!formsOf(wrong).some(form => everything.includes(form)))
})

test('fault 10: a field or a secret that is not there ends the run before it starts, by its name', limit, async () => {
  await setSecret(NAMES.field, JSON.stringify({ user: 'ana' }))
  const field = (await run('tell')).record
  await setSecret(NAMES.field, JSON.stringify({ user: 'ana', password: values.field }))
  await callAws(vault.cloud, 'secretsmanager', 'DeleteSecret', { SecretId: NAMES.plain, ForceDeleteWithoutRecovery: true })
  const secret = (await run('tell')).record
  for (const [record, name] of [
    [field, NAMES.field],
    [secret, NAMES.plain],
  ] as const) {
    assert.deepEqual([record.status, record.reason], ['error', 'start_secret'], JSON.stringify(record))
    assert.equal(record.attempts.length, 1)
    assert.match(record.message, new RegExp(name))
    const messages = await vault.messagesOf(record.id, 1)
    assert.equal(messages.length, 1)
    assert.match(messages[0] ?? '', new RegExp(name))
  }
  assert.match(field.message, /password/, 'the field is named')
})

test('fault 28: no secret is in any file of the installation: objects, table, logs, messages, templates', limit, async () => {
  const messages = JSON.stringify(vault.received)
  await down({ folder: vault.folder })
  const { root } = vault.cloud.paths
  // The search reaches objects, CloudWatch and the table.
  const [first = ''] = runs
  const telling = filesHolding(root, [md5(values.plain)])
  assert.ok(
    telling.some(name => name.startsWith('emulator/s3/') && name.includes('.ndjson.gz')),
    telling.join(),
  )
  assert.ok(telling.includes('emulator/services/cloudwatch_logs.json'), telling.join())
  assert.ok(filesHolding(root, [first]).includes('emulator/services/dynamodb.json'))
  for (const value of Object.values(values)) {
    const forms = formsOf(value)
    assert.deepEqual(
      filesHolding(root, forms).filter(name => name !== 'emulator/services/secretsmanager.json'),
      [],
    )
    assert.ok(!forms.some(form => messages.includes(form)))
  }
  assert.deepEqual(filesHolding(root, [values.token]), ['emulator/services/secretsmanager.json'])
})
