/**
 * One file for each living task, so that a server that crashed finds and ends what it started, and one for each that
 * stopped, so that the next server still describes it.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive, type ProcessRecord, signal } from '../process.ts'
import { writeJson } from '../state.ts'
import { endFamily } from './family.ts'
import type { NewTask, Task } from './task.ts'

interface TaskRecord extends Omit<NewTask, 'now'> {
  createdAt: string
  process?: ProcessRecord
}

export const taskFolder = (tasksDir: string, id: string) => join(tasksDir, id)
const recordFile = (tasksDir: string, id: string) => join(tasksDir, `${id}.json`)
const stoppedFolder = (tasksDir: string) => join(tasksDir, 'stopped')
const stoppedFile = (tasksDir: string, id: string) => join(stoppedFolder(tasksDir), `${id}.json`)

export async function writeRecord(tasksDir: string, task: Task, process: ProcessRecord | undefined): Promise<void> {
  const { id, request, definition, clusterArn, createdAt } = task
  const record: TaskRecord = {
    id,
    request,
    definition,
    clusterArn,
    createdAt: createdAt.toISOString(),
    ...(process && { process }),
  }
  await writeJson(recordFile(tasksDir, id), record)
}

/** After the end: the file and the folder of the task go. */
export async function removeTask(tasksDir: string, id: string): Promise<void> {
  await rm(taskFolder(tasksDir, id), { recursive: true, force: true, maxRetries: 3 })
  await rm(recordFile(tasksDir, id), { force: true })
}

/** Ends what a server before this one left running; its tasks, for the record. Only processes it started are touched. */
export async function endLeftovers(tasksDir: string): Promise<NewTask[]> {
  await mkdir(tasksDir, { recursive: true, mode: 0o700 })
  const found: NewTask[] = []
  for (const file of (await readdir(tasksDir)).filter(name => name.endsWith('.json'))) {
    const text = await readFile(join(tasksDir, file), 'utf8')
    // Written by this program, in one step: anything else there is not ours.
    const { process: started, createdAt, ...task } = JSON.parse(text) as TaskRecord
    if (isAlive(started)) signal(started.pid, 'SIGKILL', true)
    await endFamily(taskFolder(tasksDir, task.id))
    found.push({ ...task, now: new Date(createdAt) })
    await removeTask(tasksDir, task.id)
  }
  return found
}

export const keepStopped = (tasksDir: string, task: Task) => writeJson(stoppedFile(tasksDir, task.id), task)
export const forgetStopped = (tasksDir: string, id: string) => rm(stoppedFile(tasksDir, id), { force: true })

const TIMES = [
  'createdAt',
  'pullStartedAt',
  'pullStoppedAt',
  'startedAt',
  'stoppingAt',
  'executionStoppedAt',
  'stoppedAt',
] as const satisfies (keyof Task)[]

/** Tasks that servers before this one saw stop, in that order. */
export async function readStopped(tasksDir: string): Promise<Task[]> {
  const names = await readdir(stoppedFolder(tasksDir)).catch(() => [])
  const files = names.filter(name => name.endsWith('.json')).map(name => join(stoppedFolder(tasksDir), name))
  const tasks = await Promise.all(
    files.map(async file => {
      const task = JSON.parse(await readFile(file, 'utf8')) as Task
      return Object.assign(task, Object.fromEntries(TIMES.flatMap(name => (task[name] ? [[name, new Date(task[name])]] : []))))
    }),
  )
  return tasks.sort((a, b) => Number(a.stoppedAt) - Number(b.stoppedAt))
}
