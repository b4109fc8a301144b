/** docs/history.md, made from the schema. */
import { type Column, OF_RUN } from './history-columns.ts'
import { HISTORY_TABLES } from './history-index.ts'
import { HISTORY_VERSION, METADATA, TABLES } from './history-tables.ts'

const INTRO = `<!-- Made from shared/history-tables.ts: npm run generate -->
# The history

When a run has ended, the finisher writes six Parquet files about it, one a table, into the bucket of the installation:

\`\`\`
history/v1/<table>/day=<date>/run=<run>.parquet                 a run, by the day of its claim (UTC)
history/v1/<table>/day=<date>/all-<generation>.parquet          the runs of a closed day
history/v1/<table>/month=<month>/all-<generation>.parquet       runs of some days of a month
runs/<project>/<environment>/<job>/<run>/run.json               the run, as it is in the table of the installation
runs/<project>/<environment>/<job>/<run>/nodes.json             the last result of each node, tests among them
\`\`\`

A file never changes, but when its run is opened again (\`tidemill retry\`) and ends once more. The compactor puts the files of days and
months together; which of them are in force is in \`history/v1/index/current.json\`. \`tidemill sql\` reads them by that
([questions and their answers](questions.md)); every program that reads Parquet can.

- Times are UTC, to the microsecond; durations are seconds, money is USD.
- A text is as dbt or the database said it, bounded: 2,000 characters of a message.
- What a container reported is not proven: it can claim anything about its own run, and nothing about another.
- Version ${HISTORY_VERSION} stands in the path, and in the metadata of each file (\`${METADATA.version}\`, \`${METADATA.table}\`). Columns are only
  added: a file of before lacks them, so read several with \`union_by_name\`. Any other change is another version.
`

export function historyPage(): string {
  const tables = HISTORY_TABLES.map(table => {
    const { meaning, columns } = TABLES[table]
    const own = (columns as readonly Column[]).slice(OF_RUN.length)
    return `## ${table}\n\n${meaning}\n\n${tableOf(own)}`
  })
  return [INTRO, `## In every table\n\n${tableOf(OF_RUN)}`, ...tables].join('\n')
}

function tableOf(columns: readonly Column[]): string {
  const rows = columns.map(({ name, type, nullable, meaning, unit }) => {
    return `| \`${name}\` | ${type} | ${nullable ? 'yes' : ''} | ${unit ?? ''} | ${meaning} |`
  })
  return ['| column | type | may be NULL | unit | |', '| --- | --- | --- | --- | --- |', ...rows, ''].join('\n')
}
