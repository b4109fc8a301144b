/** The attempt that is to start: its size, its capacity, and the exact RunTask input. */
import type { RunTaskCommandInput } from '@aws-sdk/client-ecs'
import type { EnvironmentConfig } from '../../shared/config-model.ts'
import { CONTAINER, clientToken, ENV, startedBy, taskFamily } from '../../shared/contract.ts'
import { memoriesOf, nextMemory } from '../../shared/fargate.ts'
import type { Attempt, RunRecord } from '../../shared/run.ts'

export interface Network {
  cluster: string
  subnets: string[]
  securityGroups: string[]
  assignPublicIp: 'ENABLED' | 'DISABLED'
}

type Size = Pick<Attempt, 'cpu' | 'memory' | 'capacity' | 'larger'>

/**
 * The environment's size, or what an earlier run of the job was found to need (`known`); more memory after an attempt that
 * ran out of it, on-demand after one that lost its Spot capacity.
 */
export function sizeOfAttempt(
  { size }: Pick<EnvironmentConfig, 'size'>,
  earlier: readonly Attempt[],
  known?: { cpu: number; memory: number },
): Size {
  const last = earlier.at(-1)
  const start: Pick<Attempt, 'cpu' | 'memory' | 'larger'> =
    known && known.memory > size.memory
      ? { cpu: memoriesOf(size.cpu).includes(known.memory) ? size.cpu : known.cpu, memory: known.memory, larger: 'remembered' }
      : { cpu: size.cpu, memory: size.memory }
  const same = last ? { cpu: last.cpu, memory: last.memory, ...(last.larger && { larger: last.larger }) } : start
  const larger = last?.outcome?.reason === 'out_of_memory' ? nextMemory(last.cpu, last.memory) : undefined
  const spot = size.spot && !earlier.some(each => each.outcome?.reason === 'spot_interrupted')
  return { ...same, ...(larger && { ...larger, larger: 'stepped' }), capacity: spot ? 'FARGATE_SPOT' : 'FARGATE' }
}

export function makeRunTaskInput(
  installation: string,
  network: Network,
  environment: EnvironmentConfig,
  run: RunRecord,
  attempt: number,
  plan: { key: string; sha256: string },
  size: Size,
): RunTaskCommandInput {
  // An exact rerun has the size of an earlier configuration, and the deployed task definition perhaps another.
  const differs = run.rerunOf?.exact === true || size.cpu !== environment.size.cpu || size.memory !== environment.size.memory
  return {
    cluster: network.cluster,
    // Without a revision: the latest active one.
    taskDefinition: taskFamily(installation, run.project, run.environment),
    count: 1,
    startedBy: startedBy(run.id, attempt),
    clientToken: clientToken(run.id, attempt),
    capacityProviderStrategy: [{ capacityProvider: size.capacity, weight: 1 }],
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: subnetsOfTry(network.subnets, run.launchTries),
        securityGroups: network.securityGroups,
        assignPublicIp: network.assignPublicIp,
      },
    },
    overrides: {
      ...(differs && { cpu: String(size.cpu), memory: String(size.memory) }),
      containerOverrides: [
        {
          name: CONTAINER,
          environment: [
            { name: ENV.planKey, value: plan.key },
            { name: ENV.planSha256, value: plan.sha256 },
          ],
        },
      ],
    },
  }
}

/** All at first; after a refusal for capacity each zone by itself in turn, because one zone may have what the chosen one has not. */
export function subnetsOfTry(subnets: readonly string[], tries: number): string[] {
  const one = subnets[(tries - 1) % subnets.length]
  return tries === 0 || one === undefined || tries % (subnets.length + 1) === 0 ? [...subnets] : [one]
}
