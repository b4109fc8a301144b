/** What follows the options on the reference page: what concerns several of them. */
import { faultNames } from './warehouse-faults.ts'

const faultRows = () =>
  Object.entries(faultNames())
    .map(([adapter, names]) => `| ${adapter} | ${names.join(', ')} |`)
    .join('\n')

export const AFTERWORD = `
## Secrets

No secret stands in \`tidemill.yml\` or \`profiles.yml\`; what looks like one is refused. Put the value into a file, store it once and name it:

\`\`\`sh
aws secretsmanager create-secret --name github-token --secret-string file://value.txt
\`\`\`

\`name\` is the whole secret, \`name#field\` one field of a secret that holds JSON. dbt reads it with \`env_var()\`:

\`\`\`yaml
# profiles.yml
jaffle_shop:
  target: prod
  outputs:
    prod:
      type: snowflake
      account: acme
      user: DBT_PROD
      password: "{{ env_var('SNOWFLAKE_PASSWORD') }}"
\`\`\`

In local mode the values come from \`.tidemill/secrets.yml\` beside \`tidemill.yml\` (name of the secret to its value, or to a map of fields).

## Times and time zones

- A schedule fires within its minute, by the clock of its time zone.
- The night the clocks go forward, a local time that does not exist is skipped. The night they go back, a local time that comes twice
  fires once; an hourly schedule has a gap of two hours there. For neither: use \`UTC\`, or a time outside 00:00 to 03:59.
- \`"0 4 1 * MON"\` restricts both day fields and fires on the 1st *or* on Mondays, as in cron. It becomes two schedules of EventBridge.
- \`"*/45 * * * *"\` fires at minutes 0 and 45, not every 45 minutes; validation says so.
- Days start again each month: \`*/2\` as day of month fires on the 31st and on the 1st.

## Faults of the warehouse that pass

A run whose failed nodes all tell of one of these is of the class \`transient\`; a test that found rows never is. \`retry.patterns\` adds your own.

| adapter | faults |
| --- | --- |
${faultRows()}

## Several projects

\`\`\`yaml
include: [../finance/tidemill.yml, ../marketing/tidemill.yml]
\`\`\`

Each included file has its own \`version\`, \`project\`, \`environments\` and \`jobs\`. \`installation\`, \`notifications\`, \`network\`, \`images\`,
\`retention\`, \`site\` and \`history\` stand only in the first. A job may run \`after\` one of another project, by its full name: \`after: { job: finance/close }\`.

## After other jobs

\`after: { job: a }\` starts a run for each run of \`a\` that ended so. \`after: { jobs: [a, b] }\` starts one once all of them have:

- Of each job its newest run counts (by the time it was claimed), since the last start. A job that ran twice counts once.
- A run that failed or was cancelled takes the good one before it back, until the next good one, or \`tidemill retry\` of it. A skipped run says nothing.
- A start uses its runs up: the next needs a new run of every job. With \`within: 12h\` an end that is older than that is forgotten, so that a
  job that was a day late does not pair with the next day for ever.
- Runs of other steps (\`tidemill run a --step …\`) and of a backfill start nobody and count nowhere, unless \`partial: true\` says so. A full
  refresh, other variables, another branch do.
`
