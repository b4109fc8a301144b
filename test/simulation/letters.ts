/** The dead-letter queue as a process sees it: what was received is hidden for a while, and comes again if it is not removed. */
import type { DeadLetter, DeadLetters } from '../../lambda/common/dead-letters.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

const HIDDEN_MS = 5 * 60_000
const hiddenUntil = new WeakMap<DeadLetter, number>()

export function lettersOf({ scheduler }: World, process: Process, letters: DeadLetter[]): DeadLetters {
  return {
    receive: () =>
      process.call({
        write: false,
        label: () => 'receives letters',
        effect() {
          const visible = letters.filter(letter => (hiddenUntil.get(letter) ?? 0) <= scheduler.now()).slice(0, 10)
          for (const letter of visible) hiddenUntil.set(letter, scheduler.now() + HIDDEN_MS)
          return visible
        },
      }),
    remove: receipt =>
      process.call({
        write: true,
        label: () => `removes letter ${receipt}`,
        effect() {
          const at = letters.findIndex(letter => letter.receipt === receipt)
          if (at >= 0) letters.splice(at, 1)
        },
        repeats: true,
      }),
  }
}
