/** Clocks that fire, and people who ask, ask again, cancel, retry and pause. */
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
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
  /** Firings: cause, whose, and when. */
  fired: Extract<Action, { kind: 'fire' }>[]
  counts: Map<string, number>
}

const ACTOR = 'arn:aws:iam::111122223333:user/ana'
const TRIES = 6

export function makeActor(world: World, service: Service, queue: Queue, watch: Watch): Actor {
  const { random, faults, scheduler, table } = world
  const answered = new Map<string, string>()
  const fired: Actor['fired'] = []
  const counts = new Map<string, number>()
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
  const fire = (action: Extract<Action, { kind: 'fire' }>) => {
    const { input } = action
    fired.push(action)
    if (faults.hit('firing lost')) return world.trace(() => `!! firing is lost ${JSON.stringify(input)}`)
    if (faults.hit('firing to the dead letters'))
      return void queue.letters.push({ id: 'letter', receipt: `receipt-${JSON.stringify(input)}`, body: JSON.stringify(input) })
    const late = () => (faults.hit('firing late') ? random.around(20 * 60_000) : random.around(2000))
    for (let copies = faults.hit('firing twice') ? 2 : 1; copies > 0; copies--)
      scheduler.after(late(), () => queue.invoke('launcher', input))
  }
  /** EventBridge and git hosts deliver what they have, sometimes late and sometimes again. */
  const happen = ({ inputs }: Extract<Action, { kind: 'event' }>) => {
    for (const input of [...inputs, ...(faults.hit('event twice') ? inputs : [])])
      scheduler.after(faults.hit('event late') ? random.around(15 * 60_000) : random.around(1000), () =>
        queue.invoke('launcher', input),
      )
  }
  const backfill = ({ job, name, concurrency, days }: Extract<Action, { kind: 'backfill' }>) => {
    const slices = Array.from({ length: days }, (_, index) => ({
      start: `2026-01-0${index + 1}T00:00:00.000Z`,
      end: `2026-01-0${index + 2}T00:00:00.000Z`,
    }))
    ask({ operation: 'backfill', job, backfill: name, concurrency, slices }, TRIES, answer => {
      if (!answer.ok) return
      const runs = answer.runs ?? []
      if (runs.length !== days)
        world.violate('every slice of a backfill is answered with a run', `${name}: ${runs.length} of ${days}`)
      for (const { start, run } of runs) answered.set(`${name} ${start} ${run.id}`, run.id)
    })
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
        case 'event':
          return happen(action)
        case 'backfill':
          return backfill(action)
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
        case 'resume':
          return ask({ operation: action.kind, ...action.what }, TRIES, () => {})
        case 'deploy':
          world.trace(() => 'another configuration is deployed')
          return service.deploy(action.config, action.recorded)
      }
    },
  }
}
