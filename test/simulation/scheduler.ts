/** Virtual time: what is due next happens, then everything that follows from it at once, then the next. */
export interface Scheduler {
  /** Milliseconds since 1970. */
  now(): number
  after(milliseconds: number, happen: () => void): void
  /** Until nothing is due by then. Before each event `check` is called, when all that followed from the last one is done. */
  run(until: number, check: () => void): Promise<void>
}

interface Due {
  at: number
  order: number
  happen: () => void
}

export function makeScheduler(start: number): Scheduler {
  let now = start
  let order = 0
  const heap: Due[] = []
  return {
    now: () => now,
    after(milliseconds, happen) {
      push(heap, { at: now + Math.max(0, milliseconds), order: order++, happen })
    },
    run: (until, check) =>
      new Promise((resolve, reject) => {
        const step = () => {
          try {
            check()
            if (!heap[0] || heap[0].at > until) {
              now = Math.max(now, until)
              return resolve()
            }
            const due = pop(heap)
            now = due.at
            due.happen()
          } catch (error) {
            return reject(error)
          }
          // A tick begins when all promises that were resolved have run, and costs less than a turn of Node's loop.
          queueMicrotask(nextStep)
        }
        const nextStep = () => process.nextTick(step)
        step()
      }),
  }
}

const isBefore = (a: Due, b: Due) => a.at < b.at || (a.at === b.at && a.order < b.order)

function push(heap: Due[], due: Due): void {
  let at = heap.push(due) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    const other = heap[parent] as Due
    if (!isBefore(due, other)) break
    heap[at] = other
    at = parent
  }
  heap[at] = due
}

function pop(heap: Due[]): Due {
  const first = heap[0] as Due
  const last = heap.pop() as Due
  if (heap.length === 0) return first
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Due, heap[child] as Due)) child++
    if (!isBefore(heap[child] as Due, last)) break
    heap[at] = heap[child] as Due
    at = child
  }
  heap[at] = last
  return first
}
