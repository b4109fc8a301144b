import { useState } from 'preact/hooks'
import { type Question, type Row, readRows } from './parquet.ts'
import { type Loaded, useLoad } from './use.ts'

/** `on`: what the question depends on, the index by its time. */
export function useRows(
  question: Question | undefined,
  on: readonly unknown[],
): Loaded<Row[] | undefined> & { progress: string } {
  const [progress, setProgress] = useState('')
  const loaded = useLoad(
    async signal => question && readRows(question, (done, of) => signal.aborted || setProgress(`${done} of ${of} files`), signal),
    ['rows', question?.index.at, ...on],
  )
  return { ...loaded, progress }
}
