/** Two runs of the same thing, made comparable. */
import type { Bucket } from './bucket.ts'
import type { RunnerEnd } from './runner.ts'

/** Everything that a run leaves, without times and ids. */
export function whatCounts({ code, result, lines }: RunnerEnd, bucket: Bucket) {
  const artifacts = bucket.keys('').filter(key => /(steps|docs)\/.*\.json$/.test(key))
  const logs = bucket.keys('').filter(key => key.endsWith('log.txt'))
  return {
    code,
    outcome: result?.outcome,
    message: timeless(result?.message ?? ''),
    counts: result?.counts,
    steps: result?.steps.map(({ message, selected, ...rest }) => ({
      ...(settled(rest) as object),
      message: timeless(message ?? ''),
    })),
    log: lines.flatMap(line => (line.type === 'log' ? counted(timeless(line.text)) : [])).sort(),
    artifacts: Object.fromEntries(artifacts.map(key => [key, settled(JSON.parse(bucket.text(key)))])) as Record<string, unknown>,
    // Connections are named and shared by chance; what is asked of the database is not.
    queries: logs.map(key => bucket.text(key).split('\n').filter(isSql).map(timeless).sort()),
  }
}

/** dbt counts the kinds of nodes in the order in which it came upon them. */
const counted = (text: string) => (text.startsWith('Found ') ? text.replace('Found ', '').split(', ').sort().join(', ') : text)

const isSql = (line: string) => /^\S+Z? *(create|insert|drop|alter|select|with)\b/i.test(line)

const timeless = (text: string) =>
  text
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
    .replace(/\d+(\.\d+)?/g, '0')
    .replace(/\.{3,}/g, '…')

/** TIDEMILL: dbt itself leaves the stamp of the step that parsed in a manifest that it parses anew only in part. */
const CHANGING =
  /^(invocation_id|invocation_started_at|generated_at|created_at|run_started_at|execution_time|elapsed_time|thread_id|timing|TIDEMILL|max_loaded_at_time_ago_in_s|snapshotted_at|user_id|startedAt|endedAt|executionSeconds)$/
/** Without what differs from run to run, and in one order. */
export function settled(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(settled)
    return items.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !CHANGING.test(key))
      .map(([key, item]) => [key, settled(item)]),
  )
}
