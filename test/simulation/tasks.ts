/** ECS: tasks by client token, what becomes of them, and the events that it sends. */
import type { RunTaskCommandInput } from '@aws-sdk/client-ecs'
import type { Ecs, RunTaskAnswer } from '../../lambda/common/ecs.ts'
import { parseTask, type TaskFacts } from '../../lambda/common/task.ts'
import { parseStartedBy } from '../../shared/contract.ts'
import { type FakeTask, stopOf } from '../fakes/ecs.ts'
import { taskArn } from '../fakes/records.ts'
import { type Fate, fateOf, type Report } from './fate.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

export interface Task extends FakeTask {
  run: string
  attempt: number
  /** When the token was used, milliseconds since 1970. */
  created: number
  fate: Fate
  stopping?: string
  /** ECS knows nothing of it any more, and nothing of it runs. */
  vanished?: boolean
}
export const isAlive = (task: Task) => task.lastStatus !== 'STOPPED' && !task.vanished

export interface Tasks {
  all: Task[]
  ecsOf(process: Process): Ecs & { list(): Promise<string[]> }
}

export interface TaskHooks {
  /** EventBridge takes an event. */
  event(event: object): void
  /** The runner writes its result, as the last thing it does. */
  report(task: Task, report: Report): void
  /** A task was made. */
  made(task: Task): void
}

const HOUR = 3600_000
/** A runner that is told to stop stores what there is within so many milliseconds, or is killed. */
const STOP_MS = 110_000

function eventOf({ taskArn, startedBy, lastStatus, version, startedAt, stoppedAt, stopCode, stoppedReason, containers }: Task) {
  const detail = { taskArn, startedBy, lastStatus, version, startedAt, stoppedAt, stopCode, stoppedReason, containers }
  return { source: 'aws.ecs', 'detail-type': 'ECS Task State Change', detail }
}

export function makeTasks(world: World, taskMs: number, hooks: TaskHooks): Tasks {
  const { random, faults, scheduler } = world
  const all: Task[] = []
  const byToken = new Map<string, Task>()
  const byArn = new Map<string, Task>()
  const iso = () => new Date(scheduler.now()).toISOString()

  const change = (task: Task, over: Partial<FakeTask>) => {
    Object.assign(task, over, { version: task.version + 1 })
    world.trace(() => `   task of ${task.startedBy} is ${task.lastStatus} ${task.stopCode ?? ''}`)
    if (!task.vanished) hooks.event(eventOf(task))
  }
  const stop = (task: Task, end: Partial<FakeTask>) => {
    if (!isAlive(task)) return
    const { startedAt: _, version: __, ...rest } = end
    change(task, { ...rest, lastStatus: 'STOPPED', stoppedAt: iso() })
  }
  const begin = (task: Task) => {
    if (!isAlive(task)) return
    const { fate } = task
    if (task.stopping !== undefined)
      return stop(task, { ...stopOf(undefined, { stopCode: 'UserInitiated', stoppedReason: task.stopping }) })
    if (fate.neverStarts) return stop(task, fate.neverStarts)
    change(task, { lastStatus: 'RUNNING', startedAt: iso() })
    if (fate.hangs) return
    scheduler.after(fate.takes, () => finish(task))
  }
  const finish = (task: Task) => {
    if (!isAlive(task) || task.stopping !== undefined) return
    if (task.fate.vanishes) {
      task.vanished = true
      return
    }
    if (task.fate.report) hooks.report(task, task.fate.report)
    scheduler.after(random.around(2000), () => stop(task, task.fate.end))
  }
  /** The runner stores a result when it is told to stop, unless it cannot. */
  const obey = (task: Task) => {
    if (!isAlive(task)) return
    const killed = task.fate.hangs || !task.fate.report
    if (!killed && task.startedAt) hooks.report(task, { outcome: 'cancelled', reason: 'user_cancelled' })
    const { stopping } = task
    stop(task, stopOf(killed ? 137 : 130, { stopCode: 'UserInitiated', ...(stopping && { stoppedReason: stopping }) }))
  }

  function create(input: RunTaskCommandInput): Task {
    const owner = parseStartedBy(input.startedBy)
    if (!owner) throw new Error(`startedBy "${input.startedBy}" is not ours`)
    const task: Task = {
      taskArn: taskArn(all.length + 1),
      startedBy: input.startedBy ?? '',
      input,
      ...owner,
      created: scheduler.now(),
      lastStatus: 'PROVISIONING',
      version: 1,
      containers: [],
      fate: fateOf(world, taskMs),
    }
    all.push(task)
    if (input.clientToken) byToken.set(input.clientToken, task)
    byArn.set(task.taskArn, task)
    world.trace(() => `   task of ${task.startedBy} is made`)
    hooks.made(task)
    scheduler.after(task.fate.comesUp, () => begin(task))
    return task
  }
  /** ECS remembers a token for a day, or for the life of the task and an hour. */
  const known = (token: string | undefined): Task | undefined => {
    const task = byToken.get(token ?? '')
    const stopped = task?.stoppedAt ? Date.parse(task.stoppedAt) + HOUR : Number.POSITIVE_INFINITY
    return task && scheduler.now() < Math.min(stopped, task.created + 24 * HOUR) ? task : undefined
  }
  const busy = (words: string): RunTaskAnswer => ({ kind: 'busy', words })

  function runTask(input: RunTaskCommandInput): RunTaskAnswer {
    if (faults.hit('start not made')) return { kind: 'unknown', words: 'TimeoutError: injected' }
    if (faults.hit('start throttled')) return busy('InvalidParameterException: Rate exceeded')
    const before = known(input.clientToken)
    if (!before && faults.hit('no capacity')) return busy('RESOURCE:CPU')
    if (!before && faults.hit('start refused')) return { kind: 'refused', words: 'AccessDeniedException: injected' }
    const adopted = before !== undefined && JSON.stringify(before.input) !== JSON.stringify(input)
    const task = before ?? create(input)
    if (faults.hit('answer of a start lost')) return { kind: 'unknown', words: 'TimeoutError: injected' }
    return { kind: 'started', taskArn: task.taskArn, adopted }
  }
  function describe(arns: readonly string[]): Map<string, TaskFacts> {
    const found = new Map<string, TaskFacts>()
    for (const arn of arns) {
      const task = byArn.get(arn)
      const forgotten = task?.vanished || (task?.stoppedAt && Date.parse(task.stoppedAt) + HOUR < scheduler.now())
      const facts = forgotten ? undefined : parseTask(task)
      if (facts) found.set(arn, facts)
    }
    return found
  }
  function find(startedBy: string): string[] {
    const ours = all.filter(task => task.startedBy === startedBy && !task.vanished)
    if (ours.length && scheduler.now() - (ours[0]?.created ?? 0) < 5 * 60_000 && faults.hit('task not listed yet')) return []
    return ours.map(task => task.taskArn)
  }
  function list(): string[] {
    const found = all.filter(task => isAlive(task) && task.stopping === undefined)
    if (found.length && faults.hit('task not listed yet')) found.pop()
    return found.map(task => task.taskArn)
  }
  function stopTask(arn: string, reason: string): void {
    const task = byArn.get(arn)
    if (!task || task.vanished)
      throw Object.assign(new Error('The referenced task was not found.'), { name: 'InvalidParameterException' })
    if (!isAlive(task) || task.stopping !== undefined) return
    task.stopping = reason
    if (task.lastStatus === 'RUNNING') scheduler.after(random.next() * STOP_MS, () => obey(task))
    else scheduler.after(random.around(5000), () => begin(task))
  }

  return {
    all,
    ecsOf: process => ({
      run: input => process.call({ write: true, label: () => `RunTask ${input.clientToken}`, effect: () => runTask(input) }),
      stop: (arn, reason) =>
        process.call({ write: true, label: () => `StopTask ${arn.slice(-4)} ${reason}`, effect: () => stopTask(arn, reason) }),
      describe: arns => process.call({ write: false, label: () => 'DescribeTasks', effect: () => describe(arns) }),
      list: () =>
        process.call({
          write: false,
          label: () => 'ListTasks',
          effect: list,
        }),
      find: by => process.call({ write: false, label: () => `ListTasks ${by}`, effect: () => find(by) }),
    }),
  }
}
