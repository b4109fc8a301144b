/** What the Lambdas ask of ECS, with its many ways to refuse sorted into four answers. */
import {
  ConflictException,
  DescribeTasksCommand,
  type ECSClient,
  ListTasksCommand,
  RunTaskCommand,
  type RunTaskCommandInput,
  StopTaskCommand,
} from '@aws-sdk/client-ecs'
import { parseTask, type TaskFacts } from './task.ts'

export type RunTaskAnswer =
  | { kind: 'started'; taskArn: string /** The task existed for the client token. */; adopted: boolean }
  /** Capacity, quota, throttling: later it may work. */
  | { kind: 'busy'; words: string }
  | { kind: 'refused'; words: string }
  /** No answer, or one that says nothing: the task may exist. */
  | { kind: 'unknown'; words: string }

export interface Ecs {
  run(input: RunTaskCommandInput): Promise<RunTaskAnswer>
  stop(taskArn: string, reason: string): Promise<void>
  /** By ARN; those that ECS does not know are missing. */
  describe(taskArns: readonly string[]): Promise<Map<string, TaskFacts>>
  /** Running or lately stopped tasks of an attempt. */
  find(startedBy: string): Promise<string[]>
  /** Tasks of the cluster that are starting or running and were not told to stop. */
  list(): Promise<string[]>
}

export function makeEcs(client: ECSClient, cluster: string): Ecs {
  return {
    async run(input) {
      try {
        const { failures = [], tasks = [] } = await client.send(new RunTaskCommand(input))
        // A refusal comes with HTTP 200, and `tasks` is then empty.
        if (failures.length)
          return refusal(failures.map(each => [each.reason, each.detail].filter(Boolean).join(': ')).join('; '), '')
        const taskArn = tasks[0]?.taskArn
        return taskArn
          ? { kind: 'started', taskArn, adopted: false }
          : { kind: 'unknown', words: 'RunTask answered without task and failure' }
      } catch (error) {
        return answerOf(error)
      }
    },
    async stop(taskArn, reason) {
      await client.send(new StopTaskCommand({ cluster, task: taskArn, reason: reason.slice(0, STOP_REASON) }))
    },
    async describe(taskArns) {
      const found = new Map<string, TaskFacts>()
      for (let start = 0; start < taskArns.length; start += DESCRIBED) {
        const { tasks = [] } = await client.send(
          new DescribeTasksCommand({ cluster, tasks: taskArns.slice(start, start + DESCRIBED) }),
        )
        for (const task of tasks.map(parseTask)) if (task) found.set(task.taskArn, task)
      }
      return found
    },
    async find(startedBy) {
      // `startedBy` must be the only filter beside the status, and stopped tasks are not listed unless asked for.
      const lists = await Promise.all(
        (['RUNNING', 'STOPPED'] as const).map(desiredStatus =>
          client.send(new ListTasksCommand({ cluster, startedBy, desiredStatus })),
        ),
      )
      return lists.flatMap(list => list.taskArns ?? [])
    },
    async list() {
      const found: string[] = []
      for (let nextToken: string | undefined; ; ) {
        const page = { cluster, desiredStatus: 'RUNNING' as const, ...(nextToken && { nextToken }) }
        const answer = await client.send(new ListTasksCommand(page))
        found.push(...(answer.taskArns ?? []))
        nextToken = answer.nextToken
        if (!nextToken) return found
      }
    },
  }
}

/** StopTask's limit, characters. */
const STOP_REASON = 255
/** DescribeTasks' limit, tasks. */
const DESCRIBED = 100

const LATER =
  /capacity|^RESOURCE:|RESOURCE:|rate exceeded|throttl|too many requests|limit on the number|quota|limit exceeded|reached the limit/i
const THROTTLED = /Throttl|TooManyRequests|RequestLimitExceeded|LimitExceeded/
const NO_ANSWER =
  /^(ServerException|InternalFailure|InternalServerError|ServiceUnavailable|TimeoutError|RequestTimeout|AbortError)/

function answerOf(error: unknown): RunTaskAnswer {
  if (!(error instanceof Error)) throw error
  if (error instanceof ConflictException || error.name === 'ConflictException') {
    const ids = (error as { resourceIds?: string[] }).resourceIds ?? error.message.match(/arn:[\w:/-]+:task\/[\w/-]+/g) ?? []
    const [taskArn] = ids
    return taskArn ? { kind: 'started', taskArn, adopted: true } : { kind: 'unknown', words: error.message }
  }
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
  if (NO_ANSWER.test(error.name) || status === undefined || status >= 500)
    return { kind: 'unknown', words: `${error.name}: ${error.message}` }
  return refusal(error.message, error.name)
}

/** Throttling also comes as InvalidParameterException "Rate exceeded": the words decide, not the name alone. */
function refusal(words: string, name: string): RunTaskAnswer {
  const kind = LATER.test(words) || THROTTLED.test(name) ? 'busy' : 'refused'
  return { kind, words: name ? `${name}: ${words}` : words }
}
