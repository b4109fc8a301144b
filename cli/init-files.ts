/** The text of the files that `init` writes. Pure. */
import { ADAPTERS } from './init-adapters.ts'

export interface Answers {
  installation: string
  project: string
  repository: string
  branch: string
  folder: string
  engine: string
  adapter: string
  profileName: string
  target: string
  timezone: string
}

const quote = (text: string) =>
  /^[A-Za-z_][\w./-]*$/.test(text) && !/^(true|false|yes|no|on|off|null|y|n)$/i.test(text) ? text : JSON.stringify(text)

/** `ownProfile`: there is a profiles.yml already, whose variables we do not know. */
export function tidemillYml(answers: Answers, ownProfile: boolean): string {
  const start = ADAPTERS[answers.adapter]
  const variables = ownProfile
    ? []
    : Object.entries(start?.variables ?? {}).map(([name, value]): [string, string] => [
        name,
        value.replace('PROJECT', answers.project),
      ])
  const secrets = ownProfile ? [] : Object.entries(start?.secrets ?? {})
  const ssh = /^ssh:|^[\w.-]+@[\w.-]+:/.test(answers.repository)
  const block = (name: string, entries: [string, string][]) =>
    entries.length === 0 ? [] : [`    ${name}:`, ...entries.map(([key, value]) => `      ${key}: ${quote(value)}`)]
  return [
    'version: 1',
    `installation: ${quote(answers.installation)}`,
    'project:',
    `  name: ${quote(answers.project)}`,
    `  repository: ${quote(answers.repository)}`,
    ...(ssh ? ['  credentials: { secret: git-ssh-key }'] : []),
    ...(answers.repository.startsWith('https:') ? ['  # A private repository: credentials: { secret: git-token }'] : []),
    ...(answers.folder === '.' ? [] : [`  folder: ${quote(answers.folder)}`]),
    'environments:',
    '  prod:',
    `    branch: ${quote(answers.branch)}`,
    `    dbt: { engine: ${answers.engine}, adapters: [${answers.adapter}] }`,
    `    target: ${quote(answers.target)}`,
    '    # Values come by env_var(): plain ones from variables, the others from secrets.',
    '    profile: profiles.yml',
    ...(answers.adapter === 'duckdb' && !ownProfile
      ? ['    # On AWS a file in the task is gone when the run ends. MotherDuck (md:…) or an attached DuckLake stays.']
      : []),
    ...block('variables', variables),
    ...block('secrets', secrets),
    ...(start?.awsCredentials ? ['    aws_credentials: true'] : []),
    '    size: { cpu: 1, memory: 2 GB }',
    ...(answers.adapter === 'duckdb' ? ['    # DuckDB lets one process write at a time.', '    max_running: 1'] : []),
    'jobs:',
    '  nightly:',
    '    environment: prod',
    `    schedule: { cron: "0 2 * * *", timezone: ${answers.timezone} }`,
    '    steps: [dbt build]',
    '    docs: true',
    '    retry: { attempts: 2, on: [infrastructure, transient] }',
    '# Who is told: see docs/configuration.md',
    '# notifications:',
    '#   email: [data@example.com]',
    '',
  ].join('\n')
}

export function profilesYml(answers: Answers): string {
  const start = ADAPTERS[answers.adapter]
  return [
    `${quote(answers.profileName)}:`,
    `  target: ${quote(answers.target)}`,
    '  outputs:',
    `    ${quote(answers.target)}:`,
    `      type: ${answers.adapter}`,
    ...(start?.output ?? []).map(line => `      ${line}`),
    '',
  ].join('\n')
}
