import assert from 'node:assert/strict'
import { test } from 'node:test'
import { good, problem, problems, yaml } from './config-helper.ts'

const environment = (text = '    target: prod') => yaml({ environment: `    profile: profiles.yml\n${text}` })
const profile = (output: string, name = 'prod') => ({
  'profiles.yml': `shop:\n  target: ${name}\n  outputs:\n    ${name}: { ${output} }\n`,
})

test('a good profile is kept as text', () => {
  const files = profile(`type: duckdb, path: "{{ env_var('FILE', '/tmp/x') }}"`)
  const { config, warnings } = good(environment(), files)
  assert.equal(config.environments['shop/prod']?.profiles, files['profiles.yml'])
  assert.deepEqual(warnings, [])
})

test('a target that the profile does not have, or its own that is missing', () => {
  assert.equal(
    problem(environment('    target: production'), profile('type: duckdb')),
    'environments.prod.target "production" is not a target of profiles.yml; known: prod',
  )
  assert.equal(
    problem(environment('    target: prodd'), profile('type: duckdb')),
    'environments.prod.target "prodd" is not a target of profiles.yml; did you mean "prod"?',
  )
  assert.match(
    problem(environment(''), { 'profiles.yml': 'shop: { target: x, outputs: { prod: { type: duckdb } } }' }),
    /^shop\.target "x" is not in `outputs`/,
  )
})

test('an adapter that the image does not have', () => {
  assert.match(
    problem(environment(), profile('type: postgres')),
    /^shop\.outputs\.prod\.type "postgres" is not among the adapters of the environment \(duckdb\)/,
  )
})

test('passwords and tokens in clear, with what to write instead and without repeating them', () => {
  const found = problems(environment(), profile('type: duckdb, password: hunter2, motherduck_token: abc123'))
  assert.equal(found.length, 2)
  assert.equal(
    found[0],
    `4:37 shop.outputs.prod.password holds a secret in clear; write "{{ env_var('PASSWORD') }}", store the value: aws secretsmanager create-secret --name password --secret-string file://value.txt, and add PASSWORD: password to \`secrets\` of the environment`,
  )
  assert.ok(!found.join().includes('hunter2') && !found.join().includes('abc123'))
  good(
    environment('    target: prod\n    secrets: { PW: x }'),
    profile(`type: duckdb, password: "{{ env_var('PW') }}", private_key_path: /tmp/key`),
  )
})

test('a variable that nobody provides is warned of', () => {
  const { warnings } = good(
    environment('    target: prod\n    variables: { DB_FILE: x }'),
    profile(`type: duckdb, path: "{{ env_var('DB_FILEE') }}"`),
  )
  assert.deepEqual(
    warnings.map(each => [each.file, each.message]),
    [['profiles.yml', 'DB_FILEE is neither in `variables` nor in `secrets` of the environment; did you mean "DB_FILE"?']],
  )
})

test('a file that is missing, empty or broken', () => {
  assert.match(problem(environment()), /^environments\.prod\.profile "profiles\.yml" does not exist/)
  assert.match(problem(environment(), { 'profiles.yml': '' }), /holds no profile/)
  assert.match(problem(environment(), { 'profiles.yml': 'shop: { target: a\n  b: c' }), /the line before is not finished/)
  assert.deepEqual(problems(environment(), profile("type: duckdb, path: {{ env_var('X') }}")), [
    '4:33  Jinja needs quotes around it in YAML: "{{ … }}"',
  ])
  assert.match(problem(environment(), { 'profiles.yml': 'shop: { target: prod }' }), /has no `outputs`/)
})
