/** Account, region, bootstrap and the stack's name, looked at before cdk is started: its own words for these are hard to read. */
import { CloudFormationClient, DescribeStacksCommand, type Stack } from '@aws-sdk/client-cloudformation'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'
import { stackDescription, stackName } from '../shared/resource-names.ts'
import { prepareEnvironment, profileOf } from './aws.ts'
import { explained } from './aws-errors.ts'
import type { Target } from './connection.ts'

export interface Account {
  id: string
  region: string
  /** ARN. */
  identity: string
  installation: string
}

export async function readAccount(env: Record<string, string | undefined>, target: Target): Promise<Account> {
  await prepareEnvironment(env, target)
  const { installation } = target
  const sts = new STSClient({})
  const region = await explained({ installation, region: '?', ...profileOf(target) }, 'deployer', () => sts.config.region())
  const { Account: id = '', Arn: identity = '' } = await explained(
    { installation, region, ...profileOf(target) },
    'deployer',
    () => sts.send(new GetCallerIdentityCommand({})),
  )
  return { id, region, identity, installation }
}

/** `bootstrap` does it when asked to, and answers whether it was done. */
export async function requireBootstrap(account: Account, bootstrap: () => Promise<boolean>): Promise<void> {
  if ((await readStack(account, 'CDKToolkit')) !== 'none' || (await bootstrap())) return
  throw new UserError(`Account ${account.id} has never been prepared for CDK in region ${account.region}.`, {
    hint: 'Once for each account and region: tidemill deploy --bootstrap. If the region is wrong: --region NAME',
    exitCode: EXIT.infrastructure,
  })
}

/** cdk would change, or take away, whatever bears the name: a stack of somebody else is refused before that. */
export async function requireOwnStack(account: Account): Promise<void> {
  const name = stackName(account.installation)
  const stack = await readStack(account, name)
  if (stack === 'none' || stack === 'hidden' || isOurs(stack, account.installation)) return
  throw new UserError(
    `Account ${account.id} has a stack "${name}" in region ${account.region} already, and it is not Tidemill's${stack.Description ? ` ("${stack.Description}")` : ''}.`,
    {
      hint: 'Give the installation another name: `installation` in tidemill.yml. If account or region is wrong: --profile, --region',
    },
  )
}

/** A stack whose making has only been prepared has no description yet, and nothing in it. */
const isOurs = (stack: Stack, installation: string) =>
  stack.StackStatus === 'REVIEW_IN_PROGRESS' || stack.Description === stackDescription(installation)

/** `hidden`: who may deploy by the roles of the bootstrap need not see stacks; what is wrong, cdk says then. */
async function readStack({ installation, region }: Account, name: string): Promise<Stack | 'none' | 'hidden'> {
  const client = new CloudFormationClient({})
  return explained({ installation, region }, 'deployer', async () => {
    try {
      return (await client.send(new DescribeStacksCommand({ StackName: name }))).Stacks?.[0] ?? 'none'
    } catch (error) {
      if (error instanceof Error && error.name === 'ValidationError' && /does not exist/.test(error.message)) return 'none'
      if (error instanceof Error && /AccessDenied/.test(error.name)) return 'hidden'
      throw error
    }
  })
}
