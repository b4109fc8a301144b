/** The functions of the service as they are deployed, each invocation with effects of its own process. */
import { operate } from '../../lambda/api/operate.ts'
import { type Configs, makeConfigs } from '../../lambda/common/config.ts'
import { makeDynamoStore } from '../../lambda/common/dynamo-store.ts'
import { runEffects } from '../../lambda/common/effects.ts'
import { launch } from '../../lambda/common/launch.ts'
import { makeRunsBefore } from '../../lambda/common/runs-before.ts'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { finish } from '../../lambda/finisher/finish.ts'
import { composeMessage } from '../../lambda/notifier/compose.ts'
import { deliverMessages } from '../../lambda/notifier/deliver.ts'
import { makeOutbox } from '../../lambda/notifier/outbox.ts'
import { sweep } from '../../lambda/sweeper/sweep.ts'
import type { Config } from '../../shared/config-model.ts'
import { KEY } from '../../shared/contract.ts'
import type { Message } from '../../shared/message.ts'
import { hashOf } from '../fakes/records.ts'
import { clientOf } from './client.ts'
import { lettersOf } from './letters.ts'
import type { Process } from './process.ts'
import type { FunctionName, Handlers, Queue } from './queue.ts'
import type { Receivers } from './receivers.ts'
import type { Storage } from './storage.ts'
import type { Tasks } from './tasks.ts'
import type { World } from './world.ts'

export interface Service {
  handlers: Handlers
  api(process: Process, event: unknown): ReturnType<typeof operate>
  /** The configuration is in force for what begins from now on. `recorded`: the deployer could keep the deployment. */
  deploy(config: Config, recorded: boolean): void
  connect(queue: Queue): void
}

const network = {
  cluster: 'tidemill',
  subnets: ['subnet-a', 'subnet-b'],
  securityGroups: ['sg-1'],
  assignPublicIp: 'ENABLED' as const,
}

export function makeService(world: World, storage: Storage, tasks: Tasks, receivers: Receivers): Service {
  let configs: Configs | undefined
  let queue: Queue | undefined

  /** As the handlers make them of their clients. */
  function depsOf(process: Process) {
    if (!configs || !queue) throw new Error('nothing is deployed')
    const lambda = queue
    const client = clientOf(world, process)
    const store = makeDynamoStore(client, 'tidemill')
    const invoke = (name: FunctionName) => (event: object) =>
      process.call({
        write: true,
        label: () => `invokes ${name} ${JSON.stringify(event)}`,
        effect: () => lambda.invoke(name, event),
        repeats: true,
      })
    return {
      ...process,
      now: process.now,
      store,
      dynamo: { client, table: 'tidemill' },
      bucket: storage.bucketOf(process),
      configs,
      ecs: tasks.ecsOf(process),
      logs: { tail: async () => [] },
      dispatch: invoke('dispatcher'),
      finish: invoke('finisher'),
      notify: invoke('notifier'),
      deadLetters: lettersOf(world, process, lambda.letters),
      installation: 'tidemill',
      network,
    }
  }

  return {
    connect(to) {
      queue = to
    },
    deploy(config, recorded) {
      const hash = hashOf(config)
      const key = KEY.config(hash)
      storage.put(key, JSON.stringify(config))
      const at = new Date(world.scheduler.now()).toISOString()
      if (recorded)
        void makeDynamoStore(world.table.client, 'tidemill').putDeployment({ id: `${at}-request`, hash, at, by: 'ana' })
      configs = makeConfigs({ read: async wanted => storage.get(wanted) }, key)
    },
    api: (process, event) => operate(depsOf(process), event),
    handlers: {
      launcher: (process, event) => launch(depsOf(process), event),
      dispatcher: (process, event) => dispatch(depsOf(process), event),
      finisher: (process, event) => finish(depsOf(process), event),
      notifier(process, event) {
        const deps = depsOf(process)
        const items = new Map<Message, string>()
        const composing = {
          ...deps,
          installation: 'tidemill',
          consoleUrl: undefined,
          runsBefore: makeRunsBefore(deps.dynamo, deps.store),
        }
        return deliverMessages(
          {
            ...deps,
            outbox: makeOutbox(deps.dynamo),
            channels: receivers.channelsOf(process, message => items.get(message) ?? ''),
            async compose(item) {
              const message = await composeMessage(composing, item)
              items.set(message, item.pk)
              return message
            },
          },
          (event as { messages?: string[] }).messages,
        )
      },
      sweeper(process) {
        const deps = depsOf(process)
        const finishHere = async ({ effects }: { effects: string[] }) => {
          for (const run of await deps.store.runs(effects)) await runEffects(deps, run)
        }
        return sweep({ ...deps, finish: finishHere })
      },
    },
  }
}
