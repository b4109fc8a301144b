/**
 * The work of a note, in tasks that have their turn: what is begun is noted beforehand. Whoever takes over does it once more, as
 * its compactor may have died of anything; begun for the second time it counts as done, as it may be what kills.
 */

/** Keeps where the work is, as the note of it; undefined: at its end. False: the lease is lost. */
export type Keep = (note: string | undefined) => Promise<boolean>

export interface Task {
  /** Notes of the work: at the task, and behind it. */
  note: string
  behind: string
  /** It was begun before. */
  again: boolean
  act(): Promise<unknown>
}

/** One turn of the iteration, when the task is done. Answers false when the lease is lost. */
export async function* turn(keep: Keep, { note, behind, again, act }: Task): AsyncGenerator<void, boolean> {
  if (!(await keep(again ? behind : note))) return false
  await act()
  let goesOn = false
  try {
    yield
    goesOn = true
  } finally {
    if (!goesOn && !again) await keep(behind)
  }
  return true
}
