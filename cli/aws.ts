/** The connection of connection.ts on the AWS SDK. Loaded only when a command needs it: the SDK takes long to start. */
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { localPaths, readDescription } from '../local/state.ts'
import type { Config } from '../shared/config-model.ts'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'
import { OUTPUT, stackName } from '../shared/resource-names.ts'
import { postSigned } from './api-client.ts'
import { makeBucket } from './aws-bucket.ts'
import { explained, type Where } from './aws-errors.ts'
import { makeTable } from './aws-table.ts'
import type { Bucket, Connection, Target } from './connection.ts'
import type { Clock } from './effects.ts'

/** For the words of an error. */
export const profileOf = ({ profile }: Target) => (profile === undefined ? {} : { profile })

interface LocalAddresses {
  endpoint: string
  apiUrl: string | undefined
}
type Environment = Record<string, string | undefined>

/** Sets the environment that the SDK reads: before any client is made. Answers the address of the local cloud, if it is meant. */
export async function prepareEnvironment(
  env: Environment,
  target: Omit<Target, 'installation'>,
): Promise<LocalAddresses | undefined> {
  // On Node 20 the SDK prints a note about its support on stderr at each start; no user of tidemill can act on it.
  env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  if (target.profile !== undefined) {
    env.AWS_PROFILE = target.profile
    // Keys in the environment would win over a profile that was asked for by name.
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) delete env[name]
  }
  if (target.region !== undefined) env.AWS_REGION = target.region
  if (target.localFolder === undefined) return undefined
  const local = await readDescription(localPaths(target.localFolder))
  if (!local)
    throw new UserError(`There is no local cloud for ${target.localFolder}.`, {
      hint: 'Start it: tidemill local up',
      exitCode: EXIT.infrastructure,
    })
  env.AWS_ENDPOINT_URL = local.endpoint
  env.AWS_REGION = local.region
  env.AWS_ACCESS_KEY_ID = local.accessKeyId
  env.AWS_SECRET_ACCESS_KEY = local.secretAccessKey
  for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_DEFAULT_PROFILE']) delete env[name]
  return { endpoint: local.endpoint, apiUrl: local.apiUrl }
}

export async function connectToAws(target: Target, env: Environment, clock: Clock): Promise<Connection> {
  const local = await prepareEnvironment(env, target)
  const cloudFormation = new CloudFormationClient({})
  const lost = {
    installation: target.installation,
    region: '?',
    ...(local && { localEndpoint: local.endpoint }),
    ...profileOf(target),
  }
  const region = await explained(lost, 'viewer', () => cloudFormation.config.region())
  const where: Where = { ...lost, region }
  const outputs = await readOutputs(cloudFormation, where)
  const need = (key: string) => {
    const value = outputs.get(key)
    if (value !== undefined) return value
    throw new UserError(
      `Stack ${stackName(target.installation)} in ${region} has no output ${key}; it is of another version or not ours.`,
      {
        hint: 'Deploy this version: tidemill deploy',
        exitCode: EXIT.infrastructure,
      },
    )
  }
  const tableName = need(OUTPUT.table)
  const bucketName = need(OUTPUT.bucket)
  const bucket = makeBucket(bucketName, where)
  return {
    installation: target.installation,
    region,
    local: local !== undefined,
    bucketName,
    tableName,
    table: makeTable(tableName, where, clock),
    bucket,
    api: request =>
      explained(where, 'operator', async () =>
        postSigned(
          {
            // The emulator takes Function URLs by an address of its own: their host names do not resolve.
            url: local?.apiUrl ?? need(OUTPUT.apiUrl),
            region,
            credentials: await cloudFormation.config.credentials(),
          },
          request,
        ),
      ),
    config: async () => readConfig(bucket, need(OUTPUT.configKey)),
    configKey: async () => (await readOutputs(cloudFormation, where)).get(OUTPUT.configKey) ?? need(OUTPUT.configKey),
    identity: async () =>
      (await explained(where, 'viewer', () => new STSClient({}).send(new GetCallerIdentityCommand({})))).Arn ?? 'unknown',
  }
}

async function readOutputs(client: CloudFormationClient, where: Where): Promise<Map<string, string>> {
  const name = stackName(where.installation)
  const stacks = await explained(where, 'viewer', async () => {
    try {
      return (await client.send(new DescribeStacksCommand({ StackName: name }))).Stacks ?? []
    } catch (error) {
      if (error instanceof Error && error.name === 'ValidationError' && /does not exist/.test(error.message)) return []
      throw error
    }
  })
  const stack = stacks[0]
  if (!stack)
    throw new UserError(
      `Installation "${where.installation}" is not deployed in ${where.localEndpoint ? 'the local cloud' : `region ${where.region}`}.`,
      {
        hint: where.localEndpoint
          ? 'Deploy it: tidemill local up'
          : 'Deploy it: tidemill deploy. If it is in another region: --region NAME',
        exitCode: EXIT.infrastructure,
      },
    )
  return new Map((stack.Outputs ?? []).map(output => [output.OutputKey ?? '', output.OutputValue ?? '']))
}

/** Written by the deployment from the checked configuration, so it is taken as it is. */
export async function readConfig(bucket: Bucket, key: string): Promise<Config> {
  const bytes = await bucket.get(key)
  if (!bytes)
    throw new UserError(`The deployed configuration ${key} is missing in the bucket.`, {
      hint: 'Put it back: tidemill deploy',
      exitCode: EXIT.infrastructure,
    })
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as Config
}
