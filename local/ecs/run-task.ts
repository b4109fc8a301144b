/** RunTask as ECS checks it: what is asked for, and the refusals with ECS's codes and words. */
import { z } from 'zod/mini'
import { AwsError } from '../aws-json.ts'
import { isFargateSize, type TaskDefinition } from './definition.ts'

const pair = z.object({ name: z.string(), value: z.string() })
const overrides = z.object({
  cpu: z.optional(z.string()),
  memory: z.optional(z.string()),
  taskRoleArn: z.optional(z.string()),
  executionRoleArn: z.optional(z.string()),
  ephemeralStorage: z.optional(z.object({ sizeInGiB: z.number() })),
  containerOverrides: z.optional(
    z.array(
      z.object({
        name: z.string(),
        command: z.optional(z.array(z.string())),
        environment: z.optional(z.array(pair)),
        cpu: z.optional(z.number()),
        memory: z.optional(z.number()),
      }),
    ),
  ),
})

const input = z.object({
  cluster: z._default(z.string(), 'default'),
  taskDefinition: z.string(),
  count: z._default(z.number(), 1),
  clientToken: z.optional(z.string()),
  startedBy: z.optional(z.string()),
  group: z.optional(z.string()),
  launchType: z.optional(z.string()),
  capacityProviderStrategy: z.optional(z.array(z.object({ capacityProvider: z.string(), weight: z.optional(z.number()) }))),
  networkConfiguration: z.optional(
    z.object({
      awsvpcConfiguration: z.object({
        subnets: z.array(z.string()),
        securityGroups: z.optional(z.array(z.string())),
        assignPublicIp: z.optional(z.string()),
      }),
    }),
  ),
  overrides: z._default(overrides, {}),
})
export type RunTaskInput = z.infer<typeof input>

const invalid = (message: string) => new AwsError('InvalidParameterException', message)

/** The checks that need nothing but the request. Throws AwsError. */
export function parseRunTask(body: unknown): RunTaskInput {
  const parsed = input.safeParse(body)
  if (!parsed.success)
    throw invalid(`Invalid request: ${parsed.error.issues.map(i => `${i.path.join('.')} ${i.message}`).join('; ')}`)
  const request = parsed.data
  if (request.launchType && request.capacityProviderStrategy)
    throw invalid('Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.')
  if (request.count !== 1) throw invalid('The local ECS starts one task in a call: count must be 1.')
  if (request.clientToken !== undefined && (request.clientToken === '' || request.clientToken.length > 64))
    throw invalid('clientToken must be between 1 and 64 characters.')
  if (request.startedBy !== undefined && !/^[\w/-]{1,128}$/.test(request.startedBy))
    throw invalid('startedBy can have up to 128 letters, numbers, hyphens, underscores and forward slashes.')
  if (JSON.stringify(request.overrides).length > 8192) throw invalid('Container Overrides length must be at most 8192')
  return request
}

/** The checks against task definition and cluster. Throws AwsError. */
export function checkRunTask(request: RunTaskInput, definition: TaskDefinition, capacityProviders: readonly string[]): void {
  if (definition.status !== 'ACTIVE') throw invalid('TaskDefinition is inactive')
  if (definition.networkMode === 'awsvpc' && !request.networkConfiguration)
    throw invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
  for (const { name } of request.overrides.containerOverrides ?? [])
    if (!definition.containerDefinitions.some(container => container.name === name))
      throw invalid(`Override for container named ${name} is not a container in the TaskDefinition.`)
  for (const { capacityProvider } of request.capacityProviderStrategy ?? [])
    if (!capacityProviders.includes(capacityProvider))
      throw invalid(`The specified capacity provider ${capacityProvider} is not associated with the cluster.`)
  const { cpu, memory } = sizeOf(request, definition)
  const fargate = request.capacityProviderStrategy !== undefined || request.launchType === 'FARGATE'
  if (fargate && !isFargateSize(cpu, memory))
    throw invalid(`No Fargate configuration exists for given values: ${cpu} CPU, ${memory} memory.`)
}

/** CPU units and MiB of the task. */
export const sizeOf = (request: RunTaskInput, definition: TaskDefinition) => ({
  cpu: request.overrides.cpu ?? definition.cpu,
  memory: request.overrides.memory ?? definition.memory,
})

/** Two calls with one client token must say the same. */
export const isSameRequest = (a: RunTaskInput, b: RunTaskInput) => JSON.stringify(a) === JSON.stringify(b)
