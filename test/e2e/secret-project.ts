/** A dbt project in a repository that asks for a token, with models that print the secrets of their environment. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface SecretValues {
  token: string
  plain: string
  field: string
}

/** Names in Secrets Manager. */
export const NAMES = { token: 'vault-git', plain: 'vault/plain', field: 'vault/database', webhook: 'vault-webhook' }

const LEAK = `{% if execute %}
{% set plain, field = env_var('PLAIN'), env_var('FIELD') %}
{{ log('digests ' ~ local_md5(plain) ~ ' ' ~ local_md5(field), info=true) }}
{{ log('plain ' ~ plain ~ ' ' ~ field, info=true) }}
{{ log('encoded ' ~ (plain | urlencode) ~ ' ' ~ (field | urlencode), info=true) }}
{{ log('base64 ' ~ run_query("select to_base64(encode('user:" ~ plain ~ "'))").columns[0][0], info=true) }}
{% endif %}
select '{{ env_var('PLAIN') }}' as plain, current_setting('custom_user_agent') as agent`

const FILES: Record<string, string> = {
  'dbt_project.yml': 'name: vault\nversion: 1.0.0\nprofile: vault\nmodel-paths: [models]\nmodels: { +materialized: table }\n',
  'models/leak.sql': LEAK,
  'models/leak.yml': `models: [{ name: leak, description: "{{ env_var('PLAIN') }}" }]\n`,
  // Some seconds, in which the processes of the task are looked at.
  'models/slow.sql':
    '-- depends_on: {{ ref("leak") }}\nselect count(*) as n from range(40000) a, range(60000) b where (a.range * b.range) % 7 = 3',
  'models/failing.sql': `select error('refused for ' || '{{ env_var('FIELD') }}') as id`,
}

const PROFILE = `vault:
  target: prod
  outputs:
    prod:
      type: duckdb
      path: "{{ env_var('WAREHOUSE_PATH') }}"
      config_options: { custom_user_agent: "{{ env_var('FIELD') }}" }
`

const git = (folder: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=A. Author', '-c', 'user.email=author@example.com', ...args], { cwd: folder })

/** The bare repository `<folder>/vault.git`. */
export function makeRepository(folder: string): void {
  const work = join(folder, 'work')
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(work, name)), { recursive: true })
    writeFileSync(join(work, name), text)
  }
  git(work, 'init', '-q', '-b', 'main')
  git(work, 'add', '.')
  git(work, 'commit', '-q', '-m', 'Models that tell')
  git(folder, 'clone', '-q', '--bare', work, 'vault.git')
}

/** Writes tidemill.yml, profile and secrets. */
export function makeSecretProject(
  folder: string,
  repository: string,
  webhook: string,
  { token, plain, field }: SecretValues,
): void {
  writeFileSync(join(folder, 'profiles.yml'), PROFILE)
  mkdirSync(join(folder, '.tidemill'))
  const secrets = {
    [NAMES.token]: token,
    [NAMES.plain]: plain,
    [NAMES.field]: { user: 'ana', password: field },
    [NAMES.webhook]: webhook,
  }
  writeFileSync(join(folder, '.tidemill/secrets.yml'), JSON.stringify(secrets), { mode: 0o600 })
  const job = (select: string) => ({
    environment: 'prod',
    steps: [`dbt build --select ${select}`],
    docs: true,
    // Whatever is tried again would be seen as a second attempt.
    retry: { attempts: 3, on: ['infrastructure', 'transient', 'memory', 'resume'] },
    notify: { slack: '#vault', on: ['success', 'error'] },
  })
  const config = {
    version: 1,
    installation: 'vault',
    project: { name: 'vault', repository, credentials: { secret: NAMES.token } },
    environments: {
      prod: {
        branch: 'main',
        dbt: { engine: 'core-1.11', adapters: ['duckdb'] },
        profile: 'profiles.yml',
        variables: { WAREHOUSE_PATH: join(folder, 'warehouse.duckdb') },
        secrets: { PLAIN: NAMES.plain, FIELD: `${NAMES.field}#password` },
        size: { cpu: 1, memory: '2 GB' },
        max_running: 1,
      },
    },
    jobs: { tell: job('leak slow'), fail: { ...job('failing'), retry: { attempts: 1 } } },
    notifications: { slack: { secret: NAMES.webhook } },
  }
  // JSON is YAML.
  writeFileSync(join(folder, 'tidemill.yml'), JSON.stringify(config, null, 2))
}
