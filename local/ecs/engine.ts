/** The tasks: started as processes, stopped, remembered. */
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { AwsError, type Emulator } from '../aws-json.ts'
import type { ImageResolver } from '../image.ts'
import { signal, startOf } from '../process.ts'
import { mainContainer, type TaskDefinition } from './definition.ts'
import type { EventSender } from './events.ts'
import { endFamily } from './family.ts'
import { ENDINGS, type Ending, type Faults } from './faults.ts'
import { endLeftovers, forgetStopped, keepStopped, readStopped, removeTask, taskFolder, writeRecord } from './records.ts'
import { isSameRequest, type RunTaskInput } from './run-task.ts'
import { newTask, type StopCode, type Task } from './task.ts'
import { exitCodeOf, type Prepared, prepare, StartError, startProcess } from './task-process.ts'

export interface EngineOptions {
  emulator: Emulator
  resolveImage: ImageResolver
  faults: Faults
  events: EventSender
  tasksDir: string
  maxTasks: number
  /** Address of this server, where tasks get their credentials. */
  endpoint: string
}

/** ECS describes stopped tasks for about an hour; more than this many are not kept. */
const STOPPED_KEPT_MILLISECONDS = 65 * 60_000
const STOPPED_KEPT = 1000
/** The end of so many tasks is told once more after a restart: who was told first may have gone down with the cloud. */
const TOLD_AGAIN = 20
/** For the last lines of a task before its STOPPED event. */
const LOG_SECONDS = 5
const FLUSH_SECONDS = 5
export const NO_CAPACITY = 'Capacity is unavailable at this time. Please try again later or in a different availability zone'

interface Living {
  task: Task
  child?: ChildProcess
  ended: Promise<void>
  timers: NodeJS.Timeout[]
  /** The stop is not the container's own. */
  verdict?: Partial<Pick<Task, 'stopCode' | 'stoppedReason' | 'containerReason'>> & { silent?: boolean }
}

export type Engine = ReturnType<typeof createEngine>

export function createEngine(options: EngineOptions) {
  const { faults, events, tasksDir, maxTasks } = options
  const tasks = new Map<string, Task>()
  const living = new Map<string, Living>()
  const byToken = new Map<string, Task>()
  const byCredentials = new Map<string, Task>()
  let closing = false

  const change = (task: Task, patch: Partial<Task>) => {
    Object.assign(task, patch, { version: task.version + 1 })
    events.send(task)
  }

  const forgetOld = () => {
    const stopped = [...tasks.values()].filter(task => task.stoppedAt)
    const tooMany = stopped.length - STOPPED_KEPT
    stopped.forEach((task, index) => {
      if (index < tooMany || Date.now() - Number(task.stoppedAt) > STOPPED_KEPT_MILLISECONDS) forget(task)
    })
  }
  const forget = (task: Task) => {
    tasks.delete(task.id)
    forgetStopped(tasksDir, task.id).catch(error => console.error(String(error)))
    for (const [token, other] of byToken) if (other === task) byToken.delete(token)
  }

  /** The task of an earlier call with this token. Throws ConflictException when it asked for something else. */
  const repeated = (request: RunTaskInput): Task | undefined => {
    const known = request.clientToken === undefined ? undefined : byToken.get(request.clientToken)
    if (known && !isSameRequest(known.request, request)) {
      const error = new AwsError('ConflictException', 'The clientToken was used for a request with different parameters.')
      throw Object.assign(error, { resourceIds: [known.arn] })
    }
    return known
  }

  /** Starts a task; undefined: no capacity. */
  const run = (request: RunTaskInput, definition: TaskDefinition, clusterArn: string): Task | undefined => {
    if (closing || living.size >= maxTasks) return undefined
    forgetOld()
    const task = newTask({ id: randomBytes(16).toString('hex'), request, definition, clusterArn, now: new Date() })
    tasks.set(task.id, task)
    if (request.clientToken !== undefined) byToken.set(request.clientToken, task)
    const life: Living = { task, timers: [], ended: Promise.resolve() }
    living.set(task.id, life)
    life.ended = live(life).catch(error =>
      console.error(JSON.stringify({ message: 'task lost', task: task.arn, error: String(error) })),
    )
    return task
  }

  const live = async (life: Living) => {
    const { task } = life
    events.send(task)
    await writeRecord(tasksDir, task, undefined)
    change(task, { lastStatus: 'PENDING', pullStartedAt: new Date() })
    const credentials = randomBytes(16).toString('hex')
    byCredentials.set(credentials, task)
    try {
      const prepared = await prepare(task, {
        ...options,
        folder: taskFolder(tasksDir, task.id),
        credentialsUrl: `${options.endpoint}/v2/credentials/${credentials}`,
      })
      if (task.desiredStatus === 'RUNNING') await runProcess(life, prepared)
      else await prepared.log?.close(0)
    } catch (error) {
      if (!(error instanceof StartError)) throw error
      const image = error.message.startsWith('CannotPullContainer')
      life.verdict = {
        stopCode: 'TaskFailedToStart',
        stoppedReason: error.message,
        ...(image && { containerReason: error.message }),
      }
    } finally {
      byCredentials.delete(credentials)
      for (const timer of life.timers) clearTimeout(timer)
      await removeTask(tasksDir, task.id)
      living.delete(task.id)
      end(life)
      if (tasks.has(task.id)) await keepStopped(tasksDir, task)
    }
  }

  const runProcess = async (life: Living, prepared: Prepared) => {
    const { task } = life
    const child = startProcess(task, prepared)
    life.child = child
    const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
    const pid = await started(child)
    // Written before RUNNING: a server that crashes now still finds the process.
    await writeRecord(tasksDir, task, { pid, started: startOf(pid) ?? '' })
    change(task, { lastStatus: 'RUNNING', pullStoppedAt: new Date(), startedAt: new Date() })
    armEndings(life)
    const [code, by] = await exit
    signal(pid, 'SIGKILL', true)
    await endFamily(taskFolder(tasksDir, task.id))
    task.exitCode = exitCodeOf(code, by)
    task.executionStoppedAt = new Date()
    await prepared.log?.close(LOG_SECONDS)
  }

  const end = ({ task, verdict }: Living) => {
    if (verdict?.silent) return forget(task)
    const natural = task.desiredStatus === 'RUNNING'
    if (natural)
      Object.assign(task, { stopCode: 'EssentialContainerExited', stoppedReason: 'Essential container in task exited' })
    const { silent: _, ...reasons } = verdict ?? {}
    change(task, { ...reasons, lastStatus: 'STOPPED', desiredStatus: 'STOPPED', stoppedAt: new Date() })
  }

  /** SIGTERM to the first process, as ECS does; SIGKILL to all of them after the time allowed. */
  const stop = (task: Task, stopCode: StopCode, stoppedReason: string, seconds = mainContainer(task.definition).stopTimeout) => {
    const life = living.get(task.id)
    if (!life || task.desiredStatus === 'STOPPED') return
    change(task, { desiredStatus: 'STOPPED', stopCode, stoppedReason, stoppingAt: new Date() })
    const pid = life.child?.pid
    if (pid === undefined) return
    signal(pid, 'SIGTERM')
    life.timers.push(setTimeout(() => signal(pid, 'SIGKILL', true), seconds * 1000))
  }

  const armEndings = (life: Living) => {
    const { request, definition } = life.task
    for (const kind of ENDINGS) {
      const armed = faults.reserve(kind, { startedBy: request.startedBy, family: definition.family })
      if (!armed) continue
      const inject = () => {
        armed.injected += 1
        applyEnding(life, armed.fault)
      }
      life.timers.push(setTimeout(inject, armed.fault.afterSeconds * 1000))
    }
  }

  const applyEnding = (life: Living, fault: Ending) => {
    const pid = life.child?.pid
    if (fault.kind === 'spot') return stop(life.task, 'SpotInterruption', 'Your Spot Task was interrupted.', fault.noticeSeconds)
    if (fault.kind === 'out-of-memory')
      life.verdict = { containerReason: 'OutOfMemoryError: Container killed due to memory usage' }
    if (fault.kind === 'lost-host')
      life.verdict = { stopCode: 'InfrastructureHealth', stoppedReason: 'Task stopped because its host failed.' }
    if (fault.kind === 'forget') life.verdict = { silent: true }
    if (pid !== undefined) signal(pid, 'SIGKILL', true)
  }

  return {
    run,
    repeated,
    stop,
    tasks,
    /** Injects into a task that runs; false: it does not. */
    inject(id: string, fault: Ending): boolean {
      const life = living.get(id)
      if (life) applyEnding(life, fault)
      return life !== undefined
    },
    taskOfCredentials: (token: string) => byCredentials.get(token),
    /** Remembers what stopped before, ends what a crashed server left, and says so. */
    async recover() {
      const stopped = await readStopped(tasksDir)
      for (const task of stopped) tasks.set(task.id, task)
      forgetOld()
      for (const task of stopped.slice(-TOLD_AGAIN)) if (tasks.has(task.id)) events.send(task)
      for (const left of await endLeftovers(tasksDir)) {
        const task = newTask(left)
        tasks.set(task.id, task)
        // Far above whatever the crashed server had sent.
        task.version = 1000
        change(task, {
          lastStatus: 'STOPPED',
          desiredStatus: 'STOPPED',
          stopCode: 'InfrastructureHealth',
          stoppedReason: 'Task stopped because its host failed.',
          stoppedAt: new Date(),
        })
        await keepStopped(tasksDir, task)
      }
    },
    /** Stops everything; resolves when all processes are gone and their events are out. */
    async close(graceSeconds: number) {
      closing = true
      for (const { task } of living.values()) stop(task, 'TerminationNotice', 'The local cloud is going down.', graceSeconds)
      await Promise.all([...living.values()].map(life => life.ended))
      // An emulator that is gone takes none; the next server tells them again.
      await Promise.race([events.flush(), sleep(FLUSH_SECONDS * 1000)])
    },
  }
}

async function started(child: ChildProcess): Promise<number> {
  if (child.pid !== undefined) return child.pid
  const [error] = (await once(child, 'error')) as [Error]
  throw new StartError(`CannotStartContainerError: ${error.message}`)
}
