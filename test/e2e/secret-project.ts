/** A dbt project in a repository that asks for a token, with models that print the secrets of their environment. */
import { join } from 'node:path'
import { DUCKDB, duckdbEnvironment, makeDbtRepository, writeInstallation } from './project-files.ts'

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

const FILES = {
  'models/leak.sql': LEAK,
  'models/leak.yml': `models: [{ name: leak, description: "{{ env_var('PLAIN') }}" }]\n`,
  // Some seconds, in which the processes of the task are looked at.
  'models/slow.sql': '-- depends_on: {{ ref("leak") }}\nselect count(sleep_ms(4000)) as n',
  'models/failing.sql': `select error('refused for ' || '{{ env_var('FIELD') }}') as id`,
}

/** The bare repository `<folder>/vault.git`. */
export function makeRepository(folder: string): void {
  const { dir, git } = makeDbtRepository(folder, 'vault', FILES)
  git('clone', '-q', '--bare', dir, join(folder, 'vault.git'))
}

/** Writes tidemill.yml, profile and secrets. */
export function makeSecretProject(
  folder: string,
  repository: string,
  webhook: string,
  { token, plain, field }: SecretValues,
): void {
  const job = (select: string) => ({
    steps: [`dbt build --select ${select}`],
    docs: true,
    // Whatever is tried again would be seen as a second attempt.
    retry: { attempts: 3, on: ['infrastructure', 'transient', 'memory', 'resume'] },
    notify: { slack: '#vault', on: ['success', 'error'] },
  })
  writeInstallation(folder, {
    name: 'vault',
    secrets: {
      [NAMES.token]: token,
      [NAMES.plain]: plain,
      [NAMES.field]: { user: 'ana', password: field },
      [NAMES.webhook]: webhook,
    },
    project: { repository, credentials: { secret: NAMES.token } },
    outputs: { prod: { ...DUCKDB, config_options: { custom_user_agent: "{{ env_var('FIELD') }}" } } },
    environments: {
      prod: duckdbEnvironment(folder, { secrets: { PLAIN: NAMES.plain, FIELD: `${NAMES.field}#password` } }),
    },
    jobs: { tell: job('leak slow'), fail: { ...job('failing'), retry: { attempts: 1 } } },
    notifications: { slack: { secret: NAMES.webhook } },
  })
}
