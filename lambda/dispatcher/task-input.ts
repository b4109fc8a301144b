/** The attempt that is to start: its size, its capacity, and the exact RunTask input. */
import type { RunTaskCommandInput } from '@aws-sdk/client-ecs'
import type { Architecture, EnvironmentConfig } from '../../shared/config-model.ts'
import { clientToken, ENV, startedBy } from '../../shared/contract.ts'
import { memoriesOf, nextMemory } from '../../shared/fargate.ts'
import { CONTAINER, taskFamily } from '../../shared/resource-names.ts'
import type { Attempt, RunRecord } from '../../shared/run.ts'

export interface Network {
  cluster: string
  subnets: string[]
  securityGroups: string[]
  assignPublicIp: 'ENABLED' | 'DISABLED'
}

type Size = Pick<Attempt, 'cpu' | 'memory' | 'capacity' | 'larger' | 'architecture'>

/**
 * The environment's size, or what an earlier run of the job was found to need (`known`); more memory after an attempt that
 * ran out of it; capacity as {@link capacityOfTry} says.
 */
export function sizeOfAttempt(
  { size }: Pick<EnvironmentConfig, 'size'>,
  run: Pick<RunRecord, 'attempts' | 'launchTries' | 'lastLaunchError'>,
  known?: { cpu: number; memory: number },
): Size {
  const last = run.attempts.at(-1)
  const start: Pick<Attempt, 'cpu' | 'memory' | 'larger'> =
    known && known.memory > size.memory
      ? { cpu: memoriesOf(size.cpu).includes(known.memory) ? size.cpu : known.cpu, memory: known.memory, larger: 'remembered' }
      : { cpu: size.cpu, memory: size.memory }
  const same = last ? { cpu: last.cpu, memory: last.memory, ...(last.larger && { larger: last.larger }) } : start
  const larger = last?.outcome?.reason === 'out_of_memory' ? nextMemory(last.cpu, last.memory) : undefined
  const { capacity, architecture } = capacityOfTry(size, run)
  const other = architecture !== size.architecture
  return { ...same, ...(larger && { ...larger, larger: 'stepped' }), capacity, ...(other && { architecture }) }
}

/** ECS's words for a lack of capacity: of RunTask's failures, and of a task that was stopped before it started. */
const NO_CAPACITY = /capacity is unavailable|RESOURCE:|insufficient capacity/i

/** Starts of the run that found no capacity: attempts that were stopped for it, and refusals of RunTask for the current one. */
function capacityMisses({
  attempts,
  launchTries,
  lastLaunchError,
}: Pick<RunRecord, 'attempts' | 'launchTries' | 'lastLaunchError'>) {
  const stopped = attempts.filter(each => !each.startedAt && NO_CAPACITY.test(each.outcome?.message ?? '')).length
  return stopped + (NO_CAPACITY.test(lastLaunchError ?? '') ? launchTries : 0)
}

/**
 * Spot first where the environment has it, and on-demand after a lack of Spot capacity or a task that lost it: a price is a
 * wish, the run is not. Then the architectures in turn, and in each round other subnets.
 */
function capacityOfTry(
  size: EnvironmentConfig['size'],
  run: Pick<RunRecord, 'attempts' | 'launchTries' | 'lastLaunchError'>,
): { capacity: Attempt['capacity']; architecture: Architecture; round: number } {
  const misses = capacityMisses(run)
  const lost = run.attempts.some(each => each.outcome?.reason === 'spot_interrupted')
  const first = size.architecture
  if (size.spot && !lost && misses === 0) return { capacity: 'FARGATE_SPOT', architecture: first, round: run.launchTries }
  const architectures = [first, ...(size.fallbackArchitecture ? [size.fallbackArchitecture] : [])]
  // The refusal of Spot says nothing about on-demand.
  const onDemand = Math.max(0, misses - (size.spot && !lost ? 1 : 0))
  const tries = misses ? onDemand : run.launchTries
  const architecture = architectures[misses ? tries % architectures.length : 0] ?? first
  return { capacity: 'FARGATE', architecture, round: misses ? Math.floor(tries / architectures.length) : tries }
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
    taskDefinition: taskFamily(installation, run.project, run.environment, size.architecture),
    count: 1,
    startedBy: startedBy(run.id, attempt),
    clientToken: clientToken(run.id, attempt),
    capacityProviderStrategy: [{ capacityProvider: size.capacity, weight: 1 }],
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: subnetsOfTry(network.subnets, capacityOfTry(environment.size, run).round),
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
