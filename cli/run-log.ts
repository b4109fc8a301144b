import { stripControls } from '../shared/format.ts'
import type { Connection } from './connection.ts'
import type { Clock } from './effects.ts'
import { followRun } from './follow.ts'

/** The lines of a run's log as far as they are stored now. */
export async function readLogLines(connection: Connection, id: string, clock: Clock): Promise<string[]> {
  const lines: string[] = []
  for await (const event of followRun(connection, id, clock, new AbortController().signal, { once: true }))
    if (event.type === 'parts')
      lines.push(
        ...event.events.flatMap(part =>
          part.type === 'log' ? stripControls(part.text) : part.type === 'gap' ? `(${part.text})` : [],
        ),
      )
  return lines
}
