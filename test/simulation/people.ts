/** Clocks that fire, and people who ask, ask again, cancel, retry and pause. */
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
import { causeString } from '../../shared/contract.ts'
import { isFinal, type RunRecord } from '../../shared/run.ts'
import { runOfItem } from '../../shared/run-item.ts'
import type { Service } from './functions.ts'
import type { Watch } from './invariants.ts'
import { startProcess } from './process.ts'
import type { Queue } from './queue.ts'
import type { Action } from './workload.ts'
import type { World } from './world.ts'

export interface Actor {
  perform(action: Action): void
  /** Idempotency key to the run that was answered. */
  answered: Map<string, string>
  /** Causes of firings, but those that fell into a pause: of them nobody need be told. */
  fired: string[]
  counts: Map<string, number>
}

const ACTOR = 'arn:aws:iam::111122223333:user/ana'
const TRIES = 6

export function makeActor(world: World, service: Service, queue: Queue, watch: Watch): Actor {
  const { random, faults, scheduler, table } = world
  const answered = new Map<string, string>()
  const fired: string[] = []
  const counts = new Map<string, number>()
  const paused = new Set<string>()
  /** Idempotency key to the run that is run again. */
  const reruns = new Map<string, string>()
  let calls = 0

  const ask = (request: ApiRequest, tries: number, then: (answer: ApiResponse) => void) => {
    const event = { requestContext: { authorizer: { iam: { userArn: ACTOR } } }, body: JSON.stringify(request) }
    const name = `api ${++calls}`
    world.trace(() => `-> ${name} ${event.body}`)
    startProcess(
      world,
      name,
      30_000,
      process => service.api(process, event),
      end => {
        const answer = end.ok ? (end.value as ApiResponse) : undefined
        world.trace(() => `<- ${name} ${answer ? `${answer.ok} ${answer.message}` : '502'}`)
        if (answer && (answer.ok || answer.status !== 500)) then(answer)
        else if (tries > 1) scheduler.after(random.around(5000), () => ask(request, tries - 1, then))
      },
    )
  }
  const runs = () =>
    [...watch.runs].flatMap(id => {
      const item = table.items.get(`RUN#${id}`)
      return item ? [runOfItem(item)] : []
    })
  const someRun = (wanted: (run: RunRecord) => boolean): string | undefined => {
    const found = runs().filter(run => wanted(run) || random.chance(0.02))
    return found.length ? random.pick(found).id : undefined
  }
  const fire = ({ input, environment }: Extract<Action, { kind: 'fire' }>) => {
    if (!paused.has(input.job) && !paused.has(environment)) fired.push(causeString(input.job, input))
    if (faults.hit('firing lost')) return world.trace(() => `!! firing is lost ${JSON.stringify(input)}`)
    if (faults.hit('firing to the dead letters'))
      return void queue.letters.push({ id: 'letter', receipt: `receipt-${JSON.stringify(input)}`, body: JSON.stringify(input) })
    const late = () => (faults.hit('firing late') ? random.around(20 * 60_000) : random.around(2000))
    for (let copies = faults.hit('firing twice') ? 2 : 1; copies > 0; copies--)
      scheduler.after(late(), () => queue.invoke('launcher', input))
  }
  const start = (request: Extract<ApiRequest, { operation: 'run' | 'rerun' }>) =>
    ask(request, TRIES, answer => {
      if (!answer.ok || !answer.run) return
      const key = request.idempotencyKey
      const known = answered.get(key)
      if (known !== undefined && known !== answer.run.id)
        world.violate('a request that is repeated is answered with its run', `${key}: ${known}, then ${answer.run.id}`)
      answered.set(key, answer.run.id)
    })

  return {
    answered,
    fired,
    counts,
    perform(action) {
      counts.set(action.kind, (counts.get(action.kind) ?? 0) + 1)
      switch (action.kind) {
        case 'fire':
          return fire(action)
        case 'request':
          return start({ operation: 'run', job: action.job, idempotencyKey: action.key })
        case 'cancel':
        case 'retry': {
          const run = someRun(each =>
            action.kind === 'cancel' ? !isFinal(each.status) : each.status === 'error' || each.status === 'cancelled',
          )
          if (run) ask({ operation: action.kind, run }, 2, () => {})
          return
        }
        case 'rerun': {
          const run = reruns.get(action.key) ?? someRun(each => isFinal(each.status))
          if (run === undefined) return
          reruns.set(action.key, run)
          return start({ operation: 'rerun', run, idempotencyKey: action.key })
        }
        case 'pause':
          paused.add(nameOf(action.what))
          return ask({ operation: 'pause', ...action.what }, TRIES, () => {})
        case 'resume':
          return ask({ operation: 'resume', ...action.what }, TRIES, () => paused.delete(nameOf(action.what)))
        case 'deploy':
          world.trace(() => 'another configuration is deployed')
          return service.deploy(action.config, action.recorded)
      }
    },
  }
}

const nameOf = (what: { job: string } | { environment: string }) => ('job' in what ? what.job : what.environment)
