/** What the command line says where AWS answers, but not what was hoped for. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { makeFolder, tidemill } from './process.ts'

const FILES = {
  'tidemill.yml': `version: 1
project: { name: shop, repository: "https://github.com/acme/shop.git" }
environments:
  prod: { branch: main, dbt: { engine: core-1.11, adapters: [duckdb] }, profile: profiles.yml }
jobs:
  nightly: { environment: prod, steps: [dbt build] }
`,
  'profiles.yml': 'shop:\n  target: prod\n  outputs:\n    prod: { type: duckdb, path: /tmp/shop.duckdb }\n',
}
const ANA = { AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', AWS_REGION: 'eu-central-1' }

/** AWS as it answers whoever is not who they say, or looks in the wrong place. */
async function withAws(answer: (action: string) => [number, string], act: (env: Record<string, string>) => Promise<void>) {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => {
      body += chunk
    })
    request.on('end', () => {
      const [status, text] = answer(new URLSearchParams(body).get('Action') ?? '')
      response.writeHead(status, { 'content-type': 'text/xml' }).end(text)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  try {
    await act({ ...ANA, AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` })
  } finally {
    server.closeAllConnections()
    server.close()
  }
}
const xmlError = (code: string, message: string) =>
  `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`
const IDENTITY =
  '<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ana</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>'

test('bad input: the wrong region, or not deployed: says where was looked', { timeout: 60_000 }, async t => {
  const folder = makeFolder(t, FILES)
  await withAws(
    () => [400, xmlError('ValidationError', 'Stack with id tidemill does not exist')],
    async env => {
      const ended = await tidemill(folder, ['runs'], env)
      assert.equal(ended.code, 3)
      assert.match(ended.stderr, /"tidemill" is not deployed in region eu-central-1[\s\S]*tidemill deploy[\s\S]*--region NAME/)
    },
  )
})

test('bad input: rights are missing: names the policy', { timeout: 60_000 }, async t => {
  const folder = makeFolder(t, FILES)
  await withAws(
    () => [403, xmlError('AccessDenied', 'User: arn:aws:iam::123456789012:user/ana is not authorized')],
    async env => {
      const ended = await tidemill(folder, ['runs'], env)
      assert.equal(ended.code, 3)
      assert.match(ended.stderr, /user\/ana is not authorized[\s\S]*tidemill-eu-central-1-viewer/)
    },
  )
})

test('bad input: an account that is not bootstrapped is not deployed to', { timeout: 60_000 }, async t => {
  const folder = makeFolder(t, FILES)
  await withAws(
    action =>
      action === 'GetCallerIdentity'
        ? [200, IDENTITY]
        : [400, xmlError('ValidationError', 'Stack with id CDKToolkit does not exist')],
    async env => {
      const ended = await tidemill(folder, ['deploy'], env)
      assert.equal(ended.code, 3, ended.stderr)
      assert.match(ended.stdout, /Account 123456789012, region eu-central-1, as arn:aws:iam::123456789012:user\/ana/)
      assert.match(ended.stderr, /never been prepared for CDK in region eu-central-1[\s\S]*--bootstrap/)
    },
  )
})

const stacks = (description: string) =>
  `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>tidemill</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime>${description}</member></Stacks></DescribeStacksResult></DescribeStacksResponse>`

for (const command of ['deploy', 'diff', 'destroy'])
  test(`bad input: ${command} where a stack of somebody else has the name`, { timeout: 60_000 }, async t => {
    const folder = makeFolder(t, FILES)
    const asked: string[] = []
    await withAws(
      action => {
        asked.push(action)
        return [200, action === 'GetCallerIdentity' ? IDENTITY : stacks('<Description>The shop</Description>')]
      },
      async env => {
        const ended = await tidemill(folder, [command, ...(command === 'diff' ? [] : ['--yes'])], env)
        assert.equal(ended.code, 2, ended.stderr)
        assert.match(
          ended.stderr,
          /stack "tidemill" in region eu-central-1 already[\s\S]*"The shop"[\s\S]*`installation` in tidemill\.yml/,
        )
        assert.deepEqual(asked, ['GetCallerIdentity', 'DescribeStacks'], 'nothing else was asked of AWS')
      },
    )
  })
