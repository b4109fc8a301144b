/**
 * The tables of the history: one Parquet file per run and table, written when the run has ended, never changed but by a run
 * that was opened again. docs/history.md is made from this.
 */
import { COUNTS, may, must, OF_RESULT, OF_RUN, type RowOf } from './history-columns.ts'
import type { HistoryTable } from './history-index.ts'

/**
 * Stands in the metadata of every file. Columns are only added; a reader takes one that an older file lacks as NULL
 * (`union_by_name`). Any other change is another version, with another path.
 */
export const HISTORY_VERSION = 1
export const METADATA = { version: 'tidemill.history', table: 'tidemill.table' } as const

const runs = {
  meaning: 'One row a run, also of those that were skipped or never started.',
  columns: [
    ...OF_RUN,
    must('status', 'VARCHAR', '`success`, `warn`, `error`, `cancelled` or `skipped`.'),
    may(
      'reason',
      'VARCHAR',
      'Why it did not end well, e.g. `node_failures`; all of them are in the [runbook](runbook.md#reasons).',
    ),
    may('message', 'VARCHAR', 'What happened, in a sentence.'),
    must('trigger', 'VARCHAR', 'Kind of cause: `schedule`, `upstream`, `event`, `commit` or `request`.'),
    may('triggered_by', 'VARCHAR', 'Name of the schedule, who asked, the run before it, the object, or the branch.'),
    may('scheduled_for', 'TIMESTAMP', 'The time that a schedule or a backfill started it for.'),
    may('rerun_of', 'VARCHAR', 'Id of the run that it repeats.'),
    may('branch', 'VARCHAR', 'Branch.'),
    may('commit_sha', 'VARCHAR', 'Full hash of the commit that ran.'),
    may('commit_author', 'VARCHAR', 'Author of the commit.'),
    may('commit_subject', 'VARCHAR', 'First line of the message of the commit.'),
    may('committed_at', 'TIMESTAMP', 'Time of the commit.'),
    may('started_at', 'TIMESTAMP', 'When the container of the first attempt began; NULL: none did.'),
    must('ended_at', 'TIMESTAMP', 'When the run was over.'),
    may('queued_seconds', 'DOUBLE', 'From the claim to the start.', 's'),
    may('seconds', 'DOUBLE', 'From the start to the end, with all time between attempts, also until somebody retried it.', 's'),
    may('busy_seconds', 'DOUBLE', 'Of it the time in which a container ran.', 's'),
    must('attempts', 'INTEGER', 'Containers that were asked for.'),
    must('retries', 'INTEGER', 'How often the run was opened again after its end (`tidemill retry`).'),
    must('overridden', 'BOOLEAN', 'Somebody asked for other steps, variables, code or a full refresh for this run.'),
    may('cancelled_by', 'VARCHAR', 'Who asked for it to be cancelled.'),
    ...COUNTS,
    may('engine', 'VARCHAR', 'dbt of the environment, e.g. `core-1.12`.'),
    may('dbt_version', 'VARCHAR', 'Version that dbt said it was.'),
    may('peak_memory_bytes', 'BIGINT', 'Most memory that the last attempt used.', 'bytes'),
    must('artifacts_incomplete', 'BOOLEAN', 'Not everything reached the bucket.'),
    may('usd', 'DOUBLE', 'Estimated price of its containers; NULL: it had none.', 'USD'),
    must('config', 'VARCHAR', 'Hash of the configuration it ran with (`config/<hash>.json`).'),
  ],
} as const

const steps = {
  meaning: 'One row a step of a run, as its last attempt left it.',
  columns: [
    ...OF_RUN,
    must('step', 'INTEGER', 'Index of the step, from 0.'),
    must('name', 'VARCHAR', 'Short name, e.g. `build`.'),
    must('kind', 'VARCHAR', '`checkout`, `deps`, `freshness`, `dbt` or `docs`.'),
    must('command', 'VARCHAR', 'What was run, secrets masked.'),
    must(
      'status',
      'VARCHAR',
      '`success`, `warn`, `error`, `cancelled` or `skipped`; `pending`, `running`: its container was lost.',
    ),
    may('reason', 'VARCHAR', 'Why it did not end well.'),
    may('message', 'VARCHAR', 'What happened, in a sentence.'),
    may('exit_code', 'INTEGER', 'Exit code of dbt.'),
    must('attempt', 'INTEGER', 'The attempt that did it, from 1.'),
    may('started_at', 'TIMESTAMP', 'Start.'),
    may('ended_at', 'TIMESTAMP', 'End.'),
    may('seconds', 'DOUBLE', 'From start to end.', 's'),
    may('selected', 'INTEGER', 'Nodes that dbt selected.'),
    ...COUNTS,
  ],
} as const

const nodes = {
  meaning:
    'One row for each model, seed, snapshot, operation … of a run that has a result: its last one. Tests and sources have tables of their own.',
  columns: [
    ...OF_RUN,
    ...OF_RESULT,
    must('status', 'VARCHAR', '`success`, `error`, `skipped`, `no-op` or `warn`.'),
    may('message', 'VARCHAR', "The database's or dbt's own words."),
    may('started_at', 'TIMESTAMP', 'Start.'),
    may('ended_at', 'TIMESTAMP', 'End.'),
    may('seconds', 'DOUBLE', 'How long dbt worked on it.', 's'),
    may('rows_affected', 'BIGINT', 'Rows, where the adapter tells.'),
    may('materialized', 'VARCHAR', '`table`, `view`, `incremental` …'),
    may('relation', 'VARCHAR', 'Name in the database.'),
    may('path', 'VARCHAR', 'File in the dbt project.'),
    may('group_name', 'VARCHAR', 'Its group in dbt; known of the first that failed or warned.'),
    may('owners', 'VARCHAR[]', 'Its owners in dbt; known of the first that failed or warned.'),
    may('tags', 'VARCHAR[]', 'Its tags in dbt; known of the first that failed or warned.'),
  ],
} as const

const tests = {
  meaning: 'One row for each data test and unit test of a run that has a result: its last one.',
  columns: [
    ...OF_RUN,
    ...OF_RESULT,
    must(
      'status',
      'VARCHAR',
      '`success`, `fail` (it found something), `warn` (found, with severity `warn`), `error` (could not run) or `skipped`.',
    ),
    may('message', 'VARCHAR', "dbt's or the database's own words."),
    may('failures', 'BIGINT', 'Rows that it found.', 'rows'),
    may('tested_node', 'VARCHAR', 'Id of what it tests; NULL where a test is a query of its own, or was skipped.'),
    may('started_at', 'TIMESTAMP', 'Start.'),
    may('ended_at', 'TIMESTAMP', 'End.'),
    may('seconds', 'DOUBLE', 'How long dbt worked on it.', 's'),
    may('path', 'VARCHAR', 'File in the dbt project.'),
    may('group_name', 'VARCHAR', 'Its group in dbt, or that of what it tests; known of the first that failed or warned.'),
    may('owners', 'VARCHAR[]', 'Its owners in dbt, or those of what it tests; known of the first that failed or warned.'),
    may('tags', 'VARCHAR[]', 'Its tags in dbt; known of the first that failed or warned.'),
  ],
} as const

const sources = {
  meaning: 'One row for each source whose freshness a run checked.',
  columns: [
    ...OF_RUN,
    must('step', 'INTEGER', 'Index of the step, as in `steps`.'),
    must('attempt', 'INTEGER', 'The attempt that checked, from 1.'),
    must('unique_id', 'VARCHAR', 'Id in dbt, e.g. `source.shop.raw.orders`.'),
    may('package_name', 'VARCHAR', 'Package or project of dbt that it is from.'),
    may('source_name', 'VARCHAR', 'Name of the source.'),
    must('name', 'VARCHAR', 'Name of the table in the source.'),
    must('status', 'VARCHAR', '`success`, `warn` (stale), `error` (stale beyond the second limit, or it could not be checked).'),
    may('message', 'VARCHAR', 'Why it could not be checked.'),
    may('max_loaded_at', 'TIMESTAMP', 'Newest time in it.'),
    may('snapshotted_at', 'TIMESTAMP', 'When that was looked up.'),
    may('age_seconds', 'DOUBLE', 'From the one to the other.', 's'),
    may('warn_after_seconds', 'DOUBLE', 'It warns when it is older; a month counts 30 days.', 's'),
    may('error_after_seconds', 'DOUBLE', 'It fails when it is older.', 's'),
    may('filter', 'VARCHAR', 'Condition on the rows that were looked at.'),
    may('seconds', 'DOUBLE', 'How long the check took.', 's'),
  ],
} as const

const costs = {
  meaning:
    'One row for each container of a run (`task`), and one for what the requests around them cost (`machinery`). Estimates: list prices of us-east-1, Spot counted like on-demand. A run without a container has none.',
  columns: [
    ...OF_RUN,
    must('item', 'VARCHAR', '`task` or `machinery`.'),
    may('attempt', 'INTEGER', 'The attempt, from 1; NULL for `machinery`, as in all columns up to `seconds`.'),
    may('status', 'VARCHAR', 'How the attempt ended.'),
    may('reason', 'VARCHAR', 'Why it did not end well.'),
    may('vcpu', 'DOUBLE', 'Size of the container.', 'vCPU'),
    may('memory_mib', 'INTEGER', 'Its memory.', 'MiB'),
    may('disk_gib', 'INTEGER', 'Its disk.', 'GiB'),
    may('architecture', 'VARCHAR', '`arm64` or `x86_64`.'),
    may('capacity', 'VARCHAR', '`FARGATE` or `FARGATE_SPOT`.'),
    may('dispatched_at', 'TIMESTAMP', 'When it was asked for.'),
    may('started_at', 'TIMESTAMP', 'When it ran.'),
    may('stopped_at', 'TIMESTAMP', 'When it had stopped.'),
    may('seconds', 'DOUBLE', 'From asked for to stopped, which is a little more than AWS bills.', 's'),
    may('usd', 'DOUBLE', 'Estimated price.', 'USD'),
  ],
} as const

export const TABLES = { runs, steps, nodes, tests, sources, costs } as const satisfies Record<HistoryTable, unknown>

export type HistoryRow<T extends HistoryTable> = RowOf<(typeof TABLES)[T]['columns'][number]>
export type HistoryRows = { [T in HistoryTable]: HistoryRow<T>[] }
