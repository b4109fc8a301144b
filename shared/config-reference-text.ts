/** What the reference page says besides the options. The examples are checked by a test. */
export const EXAMPLE = `# yaml-language-server: $schema=./schema/tidemill.schema.json
version: 1
installation: tidemill
project:
  name: jaffle_shop
  repository: https://github.com/acme/jaffle-shop.git
  credentials: { secret: github-token }
environments:
  prod:
    branch: main
    dbt: { engine: core-1.12, adapters: [snowflake] }
    target: prod
    variables: { DBT_WAREHOUSE: TRANSFORMING }
    secrets: { SNOWFLAKE_PASSWORD: prod/snowflake#password }
    size: { cpu: 1, memory: 4 GB }
jobs:
  nightly:
    environment: prod
    schedule: { cron: "0 2 * * *", timezone: Europe/Berlin }
    freshness: true
    steps: [dbt build]
    docs: true
    timeout: 2h
    notify: { slack: "#data-alerts", on: [error, warn, recovered, missed] }
  hourly_orders:
    environment: prod
    schedule: { every: 1h }
    steps: ["dbt build --select tag:orders+"]
    overlap: skip
  after_nightly:
    environment: prod
    after: { job: nightly, status: [success, warn] }
    steps: ["dbt run-operation export"]
notifications:
  email: [data@example.com]
  slack: { secret: slack-webhook }
`

export const FOREWORD = `
# Configuration

<!-- Made by \`npm run generate\` from shared/config-schema*.ts; changes go there. -->

One file, \`tidemill.yml\`, says which dbt projects run, where and when. It can live in the dbt repository.
\`tidemill validate\` checks it and lists everything that is wrong, each with its line and what to write instead; nothing is
deployed before the list is empty. With the first line below, an editor that knows the YAML language server completes and checks while you type.

\`\`\`yaml
${EXAMPLE.trim()}
\`\`\`

**How values are written.** Durations: a number with its unit (\`90s\`, \`30m\`, \`2h\`, \`1d\`, \`1h30m\`). Sizes: \`512 MB\`, \`4 GB\`
(1 GB is 1,024 MB, as Fargate counts). Names of projects, environments, jobs and schedules: letters, digits, \`-\` and \`_\`.
The full name of a job is \`<project>/<job>\`; the short name does wherever only one project has it.
In YAML a \`#\` after a space begins a comment and a \`*\` at the start of a value an alias: put quotes around \`"#data-alerts"\` and \`"*/15 * * * *"\`.
`

/** Objects that are written as another one; the page describes that. */
export const SAME: Record<string, string> = {
  'environments.<name>.notify': 'jobs.<name>.notify',
  'notifications.notify': 'jobs.<name>.notify',
}

export const HEADINGS: Record<string, { heading: string; intro?: string; example?: string }> = {
  '': { heading: 'The file' },
  project: {
    heading: 'Project',
    intro: 'Which dbt project, in which git repository.',
    example:
      'project:\n  name: jaffle_shop\n  repository: git@github.com:acme/jaffle-shop.git\n  credentials: { secret: jaffle-deploy-key }\n  folder: transform/dbt',
  },
  'project.credentials': { heading: 'Credentials' },
  'environments.<name>': {
    heading: 'Environments',
    intro:
      'Where a project runs: branch, dbt, warehouse and size. An environment is the trust boundary: it has its own role, secrets and place in the bucket, and none of another’s.',
    example:
      'environments:\n  prod:\n    branch: main\n    dbt: { engine: core-1.12, adapters: [snowflake] }\n    target: prod\n    profile: profiles.yml\n    variables: { DBT_WAREHOUSE: TRANSFORMING }\n    secrets: { SNOWFLAKE_PASSWORD: prod/snowflake#password }\n  staging:\n    branch: develop\n    dbt: { engine: core-1.12, adapters: [snowflake] }\n    target: staging\n    size: { memory: 2 GB, spot: true }',
  },
  'environments.<name>.dbt': { heading: 'dbt' },
  'environments.<name>.size': { heading: 'Size' },
  'jobs.<name>': {
    heading: 'Jobs',
    intro: 'What runs: dbt commands in order, when, with which limits, and who is told.',
    example:
      'jobs:\n  nightly:\n    environment: prod\n    schedule: { cron: "0 2 * * *", timezone: Europe/Berlin }\n    steps:\n      - dbt build --exclude tag:slow\n      - dbt build --select tag:slow\n    freshness: fail\n    docs: true\n    timeout: 2h',
  },
  'jobs.<name>.schedule': {
    heading: 'Schedule',
    intro:
      '`cron` or `every`, one schedule or a list. `tidemill next` shows the coming times, in the zone of the job and in yours.',
    example:
      'schedule:\n  - { name: workdays, cron: "30 6 * * MON-FRI", timezone: Europe/Berlin }\n  - { name: month_end, cron: "0 22 L * *", timezone: Europe/Berlin }',
  },
  'jobs.<name>.after': { heading: 'After' },
  'jobs.<name>.on': {
    heading: 'On',
    intro:
      'What starts a job besides schedules and other jobs. [triggers.md](triggers.md) shows how each is set up on the other side. Nothing is deployed for those that no job uses.',
    example:
      'on:\n  - commit: true\n  - s3: { bucket: acme-raw, prefix: orders/, suffix: .parquet }\n  - event: { source: acme.loader, detail-type: Load finished, detail: { table: orders } }\n  - request: { secret: ci-requests, overrides: [vars] }',
  },
  'jobs.<name>.on.s3': { heading: 'Objects' },
  'jobs.<name>.on.event': { heading: 'Events' },
  'jobs.<name>.on.commit': { heading: 'Commits' },
  'jobs.<name>.on.request': { heading: 'Requests' },
  'project.webhook': { heading: 'Webhook' },
  'jobs.<name>.retry': {
    heading: 'Retry',
    intro:
      'Attempts after a failure that is worth another. A retry is a new attempt of the same run: finished steps are not run again. Which faults of a warehouse are `transient`, see [below](#faults-of-the-warehouse-that-pass).',
    example:
      'retry:\n  attempts: 3\n  on: [infrastructure, transient, memory]\n  patterns: ["Warehouse .* is suspended"]\n  backoff: { first: 1m, factor: 2, max: 10m }\n  within: 2h',
  },
  'jobs.<name>.retry.backoff': { heading: 'Back-off' },
  'jobs.<name>.notify': {
    heading: 'Notify',
    intro: `Who is told what: one rule or a list; \`notify: []\` for nobody. A rule that names no channel means every channel.
The nearest rules count, whole: those of the job if it has any, else those of its environment (\`environments.<name>.notify\`), else
those of the installation (\`notifications.notify\`), else every channel on \`error\`, \`recovered\` and \`missed\`.

A rule with \`match\` is told only of failing nodes that fit: each owner gets only theirs. Owner, group, tags and \`meta\` come from the dbt
project; they choose only among the targets that are written here, so a project cannot send a message anywhere else. A test that says
nothing of its own counts as the model it is attached to. Somebody must hear of the nodes that nobody owns: beside rules with \`match\`
there is one without (it gets everything) or one with \`match: unmatched\`. Of more than 20 failing nodes the first 20 are looked at.

A failure that lasts is told at once, then as \`repeat\` says; "good again" is told once.`,
    example: `notify:
  - { slack: "#data-alerts", on: [error, warn, recovered, missed, late], repeat: daily }
  - { slack: "#finance-data", match: { owner: finance } }
  - { pagerduty: true, on: [error, missed], quiet: { from: "22:00", to: "07:00", timezone: Europe/Berlin }, urgent: true }`,
  },
  'jobs.<name>.notify.match': { heading: 'Match' },
  'jobs.<name>.notify.quiet': { heading: 'Quiet hours' },
  notifications: {
    heading: 'Notifications',
    intro: `The channels of the installation, and who is told what unless a job or an environment says otherwise. Each address or key lies in a
secret. \`tidemill notify --test\` sends a message marked as a test to each target and says which arrived.

Each channel is tried by itself: a busy receiver again after as long as it asks for, then every 5 minutes for a day; a refusal that would
come again ends it. What is given up raises the alarm \`failed-messages\`.

With \`events: true\` a rule of EventBridge can start automations of your own; \`detail\` has what the webhook has:
\`{"source": ["tidemill.<installation>"], "detail": {"kind": ["error"], "job": ["nightly"]}}\`.`,
    example: `notifications:
  email: [data@example.com]
  email_lists: { finance: [finance@example.com] }
  slack: { token: slack-bot, channel: "#data-alerts" }
  teams: { secret: teams-webhook, targets: { finance: teams-finance } }
  pagerduty: { secret: pagerduty-key, region: eu }
  webhook: { secret: run-webhook }
  events: true
  notify:
    - { slack: true, on: [error, recovered, missed, source_stale] }`,
  },
  'notifications.slack': {
    heading: 'Slack',
    example:
      'slack: { secret: slack-webhook }                        # one channel\nslack: { token: slack-bot, channel: "#data-alerts" }    # any channel, threads',
  },
  'notifications.teams': { heading: 'Microsoft Teams', example: 'teams: { secret: teams-webhook }' },
  'notifications.pagerduty': { heading: 'PagerDuty', example: 'pagerduty: { secret: pagerduty-key, region: eu }' },
  'notifications.webhook': {
    heading: 'Webhook',
    intro: `A receiver of your own. The body has the form of the dbt platform's webhooks: \`eventType\` is \`job.run.errored\` for a failed run and
\`job.run.completed\` for another end (beside them \`job.run.missed\`, \`job.run.late\`, \`source.stale\`), \`data\` has what that platform sends, with names
in place of numeric ids, and \`tidemill\` has the rest. The header \`Authorization\` holds the HMAC-SHA256 of the body by \`key\`, in hexadecimal
digits: compare it in constant time. A receiver has 10 seconds; what it does not take is tried five times, with the same \`eventId\`.`,
    example: `# the secret run-webhook: {"url": "https://hooks.example.com/dbt", "key": "<at least 16 characters>"}
webhook: { secret: run-webhook }`,
  },
  network: { heading: 'Network' },
  images: { heading: 'Images' },
  history: {
    heading: 'History',
    intro: `With \`athena: true\` the installation has a database in the Glue catalogue, and saved queries in Athena that make its views:
[questions.md](questions.md#with-athena).`,
    example: 'history: { athena: true }',
  },
  site: {
    heading: 'Hosted pages',
    intro: `A second stack, \`<installation>-site\`, with two distributions of CloudFront, a user pool of Cognito and a function that checks every request
([decision](decisions/0015-hosted-pages.md)). After the deployment the two host names are pointed at what its outputs \`PagesTarget\` and \`DocsTarget\` say, and
each user comes into a group: \`viewer\` looks, \`operator\` also runs, cancels, retries and pauses, \`admin\` also backfills and sends test messages.
How it is set up, who comes in and what it costs: [hosted.md](hosted.md).`,
    example: `site:
  domain: runs.acme.example
  docs_domain: dbt-docs.acme.example
  certificate: arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f
  # saml: { metadata: https://idp.acme.example/saml/metadata }`,
  },
  'site.saml': { heading: 'Sign-in by SAML', example: 'site: { saml: { metadata: https://idp.acme.example/saml/metadata } }' },
  'site.oidc': {
    heading: 'Sign-in by OpenID Connect',
    example: 'site: { oidc: { issuer: https://idp.acme.example, client_id: tidemill, client_secret: oidc-client } }',
  },
  'site.groups': {
    heading: 'Groups of the directory',
    intro: `Who is in several has the most of them. A group of the user pool counts beside them.`,
    example: `site:
  oidc: { issuer: https://idp.acme.example, client_id: tidemill, client_secret: oidc-client, scopes: [openid, email, groups] }
  groups: { claim: groups, viewer: analytics, operator: [analytics-engineering, on-call], admin: data-platform }`,
  },
  retention: {
    heading: 'Retention',
    intro: `A run leaves the index and the history of its environment after so many days. What the bucket and the table have of it (logs, artifacts, docs, the
record, messages) goes three days later, in the table not before 14 days; compacted files of a month that is over are written anew without it when the
whole month has come to its end. Docs and state that are in force stay as long as they are. What is left of an
environment that is no longer in the configuration (docs, state, caches) goes when the longest retention has passed since then. Audit entries are kept as long as \`runs\` says.`,
    example: `retention: { runs: 90d }
# environments: { ci: { retention: 14d } }`,
  },
}
