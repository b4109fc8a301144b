/** Sends task state changes to the emulator's EventBridge: in order and once, unless a fault says otherwise. */
import { setTimeout as sleep } from 'node:timers/promises'
import { callAws, type Emulator } from '../aws-json.ts'
import type { FaultKind, Faults } from './faults.ts'
import { stateChangeEvent, type Task } from './task.ts'

type Entry = ReturnType<typeof stateChangeEvent>

export interface EventSender {
  /** Queues the event of the task's present state. */
  send(task: Task): void
  /** Resolves when everything queued so far is delivered or given up. */
  flush(): Promise<void>
}

/** Faults of events last for the whole task, so they are taken once per task. */
interface EventFaults {
  duplicate?: { times: number; status?: string | undefined }
  drop?: { status?: string | undefined }
  /** RUNNING held back until STOPPED is out. */
  held?: Entry[]
}

export function createEventSender(emulator: Emulator, faults: Faults): EventSender {
  const faultsOf = new WeakMap<Task, EventFaults>()
  let queue = Promise.resolve()

  const enqueue = (entry: Entry) => {
    queue = queue.then(() => deliver(emulator, entry))
  }

  return {
    send(task) {
      const active = faultsOf.get(task) ?? takeFaults(faults, task)
      faultsOf.set(task, active)
      const entry = stateChangeEvent(task)
      if (active.drop && (active.drop.status ?? task.lastStatus) === task.lastStatus) return
      if (active.held && task.lastStatus === 'RUNNING') {
        active.held.push(entry)
        return
      }
      const times =
        active.duplicate && (active.duplicate.status ?? task.lastStatus) === task.lastStatus ? active.duplicate.times : 1
      for (let i = 0; i < times; i++) enqueue(entry)
      if (task.lastStatus === 'STOPPED') for (const late of active.held?.splice(0) ?? []) enqueue(late)
    },
    flush: () => queue,
  }
}

function takeFaults(faults: Faults, { request, definition }: Task): EventFaults {
  const take = <K extends FaultKind>(kind: K) => faults.take(kind, { startedBy: request.startedBy, family: definition.family })
  const duplicate = take('duplicate-events')
  const drop = take('drop-events')
  return { ...(duplicate && { duplicate }), ...(drop && { drop }), ...(take('reorder-events') && { held: [] }) }
}

/** The emulator may be starting again: try for half a minute, then let the sweeper find out. */
async function deliver(emulator: Emulator, entry: Entry): Promise<void> {
  for (let wait = 100; wait <= 12_800; wait *= 2) {
    try {
      const answer = (await callAws(emulator, 'events', 'PutEvents', { Entries: [entry] })) as { FailedEntryCount?: number }
      if (answer.FailedEntryCount === 0) return
      console.error(JSON.stringify({ message: 'event refused', answer }))
    } catch (error) {
      console.error(JSON.stringify({ message: 'event not sent', error: String(error) }))
    }
    await sleep(wait)
  }
}
