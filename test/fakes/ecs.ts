/** ECS in memory: tasks by client token, as ECS keeps them, and the events it sends. */
import { createHash } from 'node:crypto'
import type { RunTaskCommandInput } from '@aws-sdk/client-ecs'
import type { RunTaskAnswer } from '../../lambda/common/ecs.ts'
import { parseTask, type TaskFacts } from '../../lambda/common/task.ts'
import { CONTAINER } from '../../shared/resource-names.ts'
import { taskArn } from './records.ts'

export interface FakeTask {
  taskArn: string
  startedBy: string
  input: RunTaskCommandInput
  lastStatus: string
  version: number
  startedAt?: string
  stoppedAt?: string
  stopCode?: string
  stoppedReason?: string
  containers: { name: string; exitCode?: number; reason?: string }[]
}

/** Tasks by client token, as ECS keeps them. `answers` are given first, one a call; a function sees the call. */
export function makeFakeEcs() {
  const tasks = new Map<string, FakeTask>()
  const answers: (RunTaskAnswer | ((start: () => FakeTask) => RunTaskAnswer))[] = []
  const calls: RunTaskCommandInput[] = []
  const stopped: { taskArn: string; reason: string }[] = []
  const start = (input: RunTaskCommandInput): FakeTask => {
    const token = input.clientToken ?? ''
    const task = tasks.get(token) ?? {
      taskArn: taskArn(tasks.size + 1),
      startedBy: input.startedBy ?? '',
      input,
      lastStatus: 'PROVISIONING',
      version: 1,
      containers: [{ name: 'sidecar' }, { name: CONTAINER }],
    }
    tasks.set(token, task)
    return task
  }
  const byArn = (arn: string) => [...tasks.values()].find(task => task.taskArn === arn)
  return {
    tasks,
    answers,
    calls,
    stopped,
    byArn,
    async run(input: RunTaskCommandInput): Promise<RunTaskAnswer> {
      calls.push(input)
      const answer = answers.shift()
      if (typeof answer === 'function') return answer(() => start(input))
      return answer ?? { kind: 'started', taskArn: start(input).taskArn, adopted: false }
    },
    async stop(arn: string, reason: string) {
      stopped.push({ taskArn: arn, reason })
    },
    async describe(arns: readonly string[]) {
      const found = new Map<string, TaskFacts>()
      for (const arn of arns) {
        const task = parseTask(byArn(arn))
        if (task) found.set(arn, task)
      }
      return found
    },
    list: async () => [...tasks.values()].filter(task => task.lastStatus !== 'STOPPED').map(task => task.taskArn),
    find: async (startedBy: string) => [...tasks.values()].filter(task => task.startedBy === startedBy).map(task => task.taskArn),
  }
}

/** Event of a task as EventBridge delivers it, with fields nobody reads. */
export function taskEvent(task: FakeTask, over: Partial<FakeTask> = {}) {
  const detail = {
    ...task,
    ...over,
    input: undefined,
    clusterArn: 'arn:aws:ecs:eu-central-1:111122223333:cluster/tidemill',
    attachments: [{ type: 'eni' }],
  }
  return {
    id: createHash('md5').update(JSON.stringify(detail)).digest('hex'),
    source: 'aws.ecs',
    'detail-type': 'ECS Task State Change',
    detail,
  }
}
export const stopOf = (exitCode: number | undefined, over: Partial<FakeTask> = {}, reason?: string): Partial<FakeTask> => ({
  lastStatus: 'STOPPED',
  version: 9,
  stopCode: 'EssentialContainerExited',
  stoppedReason: 'Essential container in task exited',
  stoppedAt: '2026-11-22T02:10:00.000Z',
  startedAt: '2026-11-22T02:01:00.000Z',
  containers: [
    { name: 'sidecar', exitCode: 0 },
    { name: CONTAINER, ...(exitCode !== undefined && { exitCode }), ...(reason && { reason }) },
  ],
  ...over,
})
