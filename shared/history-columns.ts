/** A column of the history as data: its SQL type, whether it may be empty, what it means, its unit. */

/** As DuckDB and Athena call them. Times are UTC, to the microsecond. */
export type SqlType = 'VARCHAR' | 'VARCHAR[]' | 'INTEGER' | 'BIGINT' | 'DOUBLE' | 'BOOLEAN' | 'TIMESTAMP'

export interface Column<N extends string = string, T extends SqlType = SqlType, E extends boolean = boolean> {
  name: N
  type: T
  nullable: E
  meaning: string
  unit?: string
}

/** What a row holds for it. A number that is no whole number within the bounds of the type is left empty by whoever makes rows. */
type ValueOf<T extends SqlType> = T extends 'VARCHAR'
  ? string
  : T extends 'VARCHAR[]'
    ? readonly string[]
    : T extends 'BOOLEAN'
      ? boolean
      : T extends 'TIMESTAMP'
        ? Date
        : number

export type RowOf<C extends Column> = {
  [Each in C as Each['name']]: ValueOf<Each['type']> | (true extends Each['nullable'] ? null : never)
}

/** May be empty (NULL). */
export const may = <const N extends string, const T extends SqlType>(
  name: N,
  type: T,
  meaning: string,
  unit?: string,
): Column<N, T, true> => ({ name, type, nullable: true, meaning, ...(unit && { unit }) })

/** Never empty. */
export const must = <const N extends string, const T extends SqlType>(
  name: N,
  type: T,
  meaning: string,
  unit?: string,
): Column<N, T, false> => ({ name, type, nullable: false, meaning, ...(unit && { unit }) })

/** The first columns of every table. */
export const OF_RUN = [
  must('run_id', 'VARCHAR', 'Id of the run; begins with the time of the claim, so it sorts by time.'),
  must('project', 'VARCHAR', 'Project.'),
  must('environment', 'VARCHAR', 'Environment, by its short name.'),
  must('job', 'VARCHAR', 'Job, by its short name.'),
  must('claimed_at', 'TIMESTAMP', 'When the run came to be. Its day (UTC) is the day of the file.'),
] as const

/** How many nodes ended how. */
export const COUNTS = [
  may('nodes', 'INTEGER', 'Nodes with a result, tests among them.'),
  may('nodes_success', 'INTEGER', 'Of them built, or tests that passed.'),
  may('nodes_warn', 'INTEGER', 'Tests that warned.'),
  may('nodes_error', 'INTEGER', 'Could not be built, or tests that could not run.'),
  may('nodes_fail', 'INTEGER', 'Tests that found rows.'),
  may('nodes_skipped', 'INTEGER', 'Skipped, because something before them failed.'),
  may('nodes_noop', 'INTEGER', 'Nothing to do, e.g. exposures.'),
] as const

/** The first columns of nodes and tests, behind those of the run. */
export const OF_RESULT = [
  may('commit_sha', 'VARCHAR', 'Full hash of the commit that ran.'),
  must('step', 'INTEGER', 'Index of the step, as in `steps`; of several that came to the node the last.'),
  must('attempt', 'INTEGER', 'The attempt that had this result, from 1.'),
  must('earlier_failures', 'INTEGER', 'Attempts of the run before that one in which the node failed.'),
  must('unique_id', 'VARCHAR', 'Id in dbt, e.g. `model.shop.orders`.'),
  must('name', 'VARCHAR', 'Name in dbt.'),
  may('package_name', 'VARCHAR', 'Package or project of dbt that it is from.'),
  must('resource_type', 'VARCHAR', 'Kind in dbt: `model`, `seed`, `snapshot`, `operation` …; `test` or `unit_test`.'),
] as const
