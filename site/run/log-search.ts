/** Search through a whole log: its parts are read one after the other, and what matches is remembered, not the text. */
import { stripControls } from '../../shared/format.ts'
import { type LogStore, type Place, readChunk } from './log-store.ts'

export interface Search {
  text: string
  matches: Place[]
  /** Chunks looked at. */
  done: number
  of: number
}
/** More than anybody steps through. */
const MOST = 5000

/** From the newest part to the oldest: what is looked for is mostly near the end. `told`: after each part. */
export async function searchLog(log: LogStore, text: string, told: (search: Search) => void, signal: AbortSignal): Promise<void> {
  const wanted = text.toLowerCase()
  let matches: Place[] = []
  const of = log.chunks.length
  for (let index = of - 1; index >= 0 && !signal.aborted && matches.length < MOST; index--) {
    const chunk = await readChunk(log, index)
    const found = (chunk?.lines ?? []).flatMap(({ text: line }, i) =>
      stripControls(line).toLowerCase().includes(wanted) ? [{ chunk: index, line: i }] : [],
    )
    matches = [...found, ...matches]
    if (!signal.aborted) told({ text, matches, done: of - index, of })
  }
}
