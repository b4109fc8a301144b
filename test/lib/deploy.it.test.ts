import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { callAws, signedHeaders } from '../../local/aws-json.ts'
import { down, type LocalCloud, up } from '../../local/cloud.ts'
import { type Deployment, deploy } from '../../local/deploy.ts'
import { OUTPUT, taskFamily } from '../../shared/resource-names.ts'
import { clientOptions } from '../local/client.ts'

const root = join(import.meta.dirname, '../..')
const dist = join(root, 'dist')

const head = `version: 1
installation: deploy-test
project: { name: ferry, repository: "https://git.acme.example/ferry.git" }
notifications: { email: [data@acme.example] }
`
const prod = '  prod: { branch: main, dbt: { engine: core-1.11, adapters: [duckdb] }, size: { cpu: 1, memory: 2 GB } }\n'
const staging = '  staging: { branch: develop, dbt: { engine: core-1.11, adapters: [duckdb] }, size: { cpu: 1, memory: 2 GB } }\n'
const nightly = '  nightly: { environment: prod, steps: [dbt build], schedule: { cron: "0 2 * * *", timezone: Europe/Berlin } }\n'
const hourly = '  hourly: { environment: staging, steps: [dbt build], schedule: { every: 1h } }\n'
const WHOLE = `${head}environments:\n${prod}${staging}jobs:\n${nightly}${hourly}`
const REDUCED = `${head}environments:\n${prod}jobs:\n${nightly.replace('0 2', '30 3')}`

describe('cdk deploy into the local cloud', () => {
  let folder = ''
  let cloud: LocalCloud
  let first: Deployment
  let s3: S3Client

  const deployConfig = (text: string): Promise<Deployment> => {
    const configPath = join(folder, 'tidemill.yml')
    writeFileSync(configPath, text)
    return deploy({ cloud, configPath, dist, onProgress: () => {}, timeoutSeconds: 150 })
  }
  const bucket = () => first.outputs[OUTPUT.bucket] ?? ''
  const keys = async () => ((await s3.send(new ListObjectsV2Command({ Bucket: bucket() }))).Contents ?? []).map(({ Key }) => Key)
  const schedules = async (): Promise<Record<string, string>> => {
    const answer = await fetch(`${cloud.endpoint}/schedules?ScheduleGroup=deploy-test`, {
      headers: signedHeaders(cloud, 'scheduler'),
      signal: AbortSignal.timeout(10_000),
    })
    const { Schedules } = (await answer.json()) as { Schedules: { Name: string; State: string }[] }
    return Object.fromEntries(Schedules.filter(({ Name }) => Name.includes('.ferry.')).map(({ Name, State }) => [Name, State]))
  }
  const family = async (environment: string) => {
    const name = taskFamily('deploy-test', 'ferry', environment)
    const answer = await callAws(cloud, 'ecs', 'DescribeTaskDefinition', { taskDefinition: name })
    return (answer as { taskDefinition: { status: string; revision: number } }).taskDefinition
  }

  before(
    async () => {
      mkdirSync(join(root, '.cache'), { recursive: true })
      folder = mkdtempSync(join(root, '.cache', 'deploy-test-'))
      cloud = await up({ folder, cacheDir: join(root, '.cache'), dist, onProgress: () => {} })
      s3 = new S3Client(clientOptions(cloud))
    },
    { timeout: 300_000 },
  )
  after(
    async () => {
      s3?.destroy()
      await down({ folder })
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    },
    { timeout: 60_000 },
  )

  it('makes an installation: configuration under its hash, schedules, task definitions', { timeout: 200_000 }, async t => {
    const start = performance.now()
    first = await deployConfig(WHOLE)
    t.diagnostic(`bootstrap and deploy ${((performance.now() - start) / 1000).toFixed(0)} s, ${first.resources} resources`)
    // None of its jobs waits for pushes or requests.
    const { webhookUrl: _, ...outputs } = OUTPUT
    assert.deepEqual(Object.keys(first.outputs).sort(), Object.values(outputs).sort())
    const key = first.outputs[OUTPUT.configKey] ?? ''
    const text = await (await s3.send(new GetObjectCommand({ Bucket: bucket(), Key: key }))).Body?.transformToByteArray()
    assert.ok(text)
    assert.equal(key, `config/${createHash('sha256').update(text).digest('hex')}.json`)
    assert.deepEqual(await schedules(), {
      'deploy-test.ferry.hourly.default': 'ENABLED',
      'deploy-test.ferry.nightly.default': 'ENABLED',
    })
    assert.equal((await family('staging')).status, 'ACTIVE')
  })

  it('removes an environment and a job: what open runs need stays', { timeout: 200_000 }, async t => {
    const start = performance.now()
    const second = await deployConfig(REDUCED)
    t.diagnostic(`update ${((performance.now() - start) / 1000).toFixed(0)} s`)
    assert.equal(second.outputs[OUTPUT.bucket], bucket())
    assert.deepEqual(await schedules(), { 'deploy-test.ferry.nightly.default': 'ENABLED' })
    assert.equal((await family('staging')).status, 'ACTIVE')
    assert.notEqual(second.outputs[OUTPUT.configKey], first.outputs[OUTPUT.configKey])
    const kept = [first, second].map(({ outputs }) => outputs[OUTPUT.configKey])
    assert.deepEqual((await keys()).filter(key => key?.startsWith('config/')).sort(), kept.sort())
  })

  it('lets the environment come back', { timeout: 200_000 }, async () => {
    const { revision } = await family('staging')
    const third = await deployConfig(WHOLE)
    assert.equal(third.outputs[OUTPUT.configKey], first.outputs[OUTPUT.configKey])
    const back = await family('staging')
    assert.deepEqual([back.status, back.revision], ['ACTIVE', revision + 1])
    assert.equal(Object.keys(await schedules()).length, 2)
  })
})
