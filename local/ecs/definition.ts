/** The parts of a task definition that are used here, and the limits of ECS on them. */
import { z } from 'zod/mini'

const pair = z.object({ name: z.string(), value: z.string() })

const container = z.object({
  name: z.string(),
  image: z.string(),
  essential: z._default(z.boolean(), true),
  environment: z._default(z.array(pair), []),
  secrets: z._default(z.array(z.object({ name: z.string(), valueFrom: z.string() })), []),
  command: z._default(z.array(z.string()), []),
  /** Seconds; ECS allows at most 120 and takes 30 if nothing is said. */
  stopTimeout: z._default(z.number(), 30),
  logConfiguration: z.optional(z.object({ logDriver: z.string(), options: z._default(z.record(z.string(), z.string()), {}) })),
})

const definition = z.object({
  taskDefinitionArn: z.string(),
  family: z.string(),
  status: z._default(z.string(), 'ACTIVE'),
  networkMode: z._default(z.string(), 'bridge'),
  cpu: z._default(z.string(), '256'),
  memory: z._default(z.string(), '512'),
  taskRoleArn: z._default(z.string(), ''),
  ephemeralStorage: z.optional(z.object({ sizeInGiB: z.number() })),
  containerDefinitions: z.array(container),
})

export type ContainerDefinition = z.infer<typeof container>
export type TaskDefinition = z.infer<typeof definition>

export const parseTaskDefinition = (answer: unknown): TaskDefinition =>
  z.object({ taskDefinition: definition }).parse(answer).taskDefinition

/** The container whose end is the end of the task. Others (sidecars) are shown and not started. */
export function mainContainer({ containerDefinitions }: TaskDefinition): ContainerDefinition {
  const found = containerDefinitions.find(c => c.essential) ?? containerDefinitions[0]
  if (!found) throw new Error('task definition without containers')
  return found
}

const range = (from: number, to: number, step: number) =>
  Array.from({ length: (to - from) / step + 1 }, (_, index) => from + index * step)

/** Memory in MiB that Fargate has for each number of CPU units. */
const FARGATE_SIZES: Record<string, number[]> = {
  '256': [512, 1024, 2048],
  '512': range(1024, 4096, 1024),
  '1024': range(2048, 8192, 1024),
  '2048': range(4096, 16384, 1024),
  '4096': range(8192, 30720, 1024),
  '8192': range(16384, 61440, 4096),
  '16384': range(32768, 122880, 8192),
}
export const isFargateSize = (cpu: string, memory: string) => FARGATE_SIZES[cpu]?.includes(Number(memory)) ?? false
