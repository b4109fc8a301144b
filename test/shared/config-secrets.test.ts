/** Secrets in clear are refused wherever they stand, and never repeated in the message. Tokens are put together here so that none stands in the source. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatProblems } from '../../shared/config.ts'
import { good, job, load, problem, yaml } from './config-helper.ts'

const A = 'a'.repeat(40)
const SECRETS: [string, string][] = [
  [`ghp_${A}`, 'a GitHub token'],
  [`github_pat_${A}`, 'a GitHub token'],
  [`glpat-${A}`, 'a GitLab token'],
  [`AKIA${'Q'.repeat(16)}`, 'an AWS access key'],
  [`xoxb-${'1'.repeat(12)}`, 'a Slack token'],
  [`https://hooks.slack.com/services/${A}`, 'a Slack webhook address'],
  [`dapi${'0'.repeat(32)}`, 'a Databricks token'],
  [`postgres://ana:${A}@db.example.com/x`, 'an address with a password in it'],
  ['-----BEGIN RSA PRIVATE KEY-----', 'a private key'],
]

function refused(text: string, secret: string, kind: string): void {
  const result = load(text)
  assert.ok(!result.ok)
  const shown = formatProblems(result.problems)
  assert.ok(shown.includes(kind), `${kind}: ${shown}`)
  assert.ok(
    shown.includes('aws secretsmanager create-secret') ||
      shown.includes('notifications.slack.secret') ||
      shown.includes('`secrets`'),
    shown,
  )
  assert.ok(!shown.includes(secret), 'the secret is repeated')
}

test('in variables, secrets, steps and notifications', () => {
  for (const [secret, kind] of SECRETS) {
    refused(yaml({ environment: `    variables: { X: "${secret}" }` }), secret, kind)
    refused(yaml({ environment: `    secrets: { X: "${secret}" }` }), secret, kind)
    refused(yaml({ more: `notifications: { slack: { secret: "${secret}" } }` }), secret, kind)
    refused(yaml({ jobs: `  a: { environment: prod, steps: ["dbt build --vars 'k: ${secret}'"] }` }), secret, kind)
  }
})

test('a webhook where the channel belongs', () => {
  const hook = `https://hooks.slack.com/services/${A}`
  const message = problem(job(`notify: { slack: "${hook}" }`).replace('email: [data@example.com]', 'slack: { secret: hook }'))
  assert.match(message, /here goes the channel/)
  assert.ok(!message.includes(hook))
})

test('by the name of a variable; what only sounds alike is allowed', () => {
  const message = problem(yaml({ environment: '    variables: { DB_PASSWORD: hunter2 }' }))
  assert.equal(
    message,
    'environments.prod.variables.DB_PASSWORD holds what looks like a secret in clear. Store it: aws secretsmanager create-secret --name db-password --secret-string file://value.txt, and write DB_PASSWORD: db-password in `secrets`',
  )
  good(
    yaml({
      environment:
        '    variables: { TOKEN_URL: https://example.com/token, PRIVATE_KEY_PATH: /tmp/key, PASSENGERS: many, KEYWORD: x }',
    }),
  )
})

test('credentials in the address of the repository', () => {
  for (const address of ['https://ana:hunter2@example.com/acme/shop.git', `https://ghp_${A}@github.com/acme/shop.git`]) {
    const message = problem(yaml().replace('https://example.com/acme/shop.git', address))
    assert.match(
      message,
      /^project\.repository holds credentials; write https:\/\/(example|github)\.com\/acme\/shop\.git and store them: aws secretsmanager create-secret/,
    )
    assert.ok(!message.includes('hunter2') && !message.includes('ghp_'))
  }
})

test('addresses of repositories, each with what to write', () => {
  const repository = (address: string, more = '') => yaml({ project: more }).replace('https://example.com/acme/shop.git', address)
  assert.match(problem(repository('github.com/acme/shop')), /did you mean https:\/\/github\.com\/acme\/shop\?/)
  assert.match(problem(repository('http://git.example.com/shop.git')), /would send the token in clear; write https:/)
  assert.match(
    problem(repository('https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/shop')),
    /write codecommit::eu-central-1:\/\/shop/,
  )
  assert.match(problem(repository('git@example.com:acme/shop.git')), /^project\.credentials is missing; ssh needs a key/)
  assert.match(
    problem(repository('codecommit::eu-central-1://shop', '  credentials: { secret: x }')),
    /needs no secret for a codecommit repository/,
  )
  assert.deepEqual(good(repository('codecommit::eu-central-1://shop')).config.projects.shop?.credentials, { kind: 'codecommit' })
  assert.deepEqual(good(repository('file:///srv/git/shop.git')).config.projects.shop?.credentials, { kind: 'none' })
})

test('folders and branches stay inside the repository', () => {
  for (const [folder, reason] of [
    ['../x', /leaves the repository/],
    ['a/../../b', /leaves/],
    ['/abs', /not a folder inside/],
    ['a\\\\b', /not a folder inside/],
  ] as const)
    assert.match(problem(yaml({ project: `  folder: "${folder}"` })), reason, folder)
  for (const branch of ['a b', '-x', 'a..b', 'refs/heads/main', 'x.lock', 'a~1'])
    assert.match(problem(yaml().replace('branch: main', `branch: "${branch}"`)), /git branch|is a ref; write main/, branch)
})

test('variables that are ours, AWS’s, or there twice', () => {
  const variables = (text: string) => problem(yaml({ environment: `    variables: { ${text} }` }))
  assert.match(variables('TIDEMILL_X: 1'), /begins with TIDEMILL_, which is ours/)
  assert.match(variables('AWS_PROFILE: x'), /write aws_credentials: true/)
  assert.match(variables('DBT_TARGET_PATH: x'), /is set by the runner/)
  assert.match(variables('1X: x'), /"1X" cannot name an environment variable/)
  assert.match(
    problem(yaml({ environment: '    variables: { A: x }\n    secrets: { A: y }' })),
    /is in `variables` and in `secrets`; keep one/,
  )
})
