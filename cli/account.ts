/** Account, region and bootstrap, looked at before cdk is started: its own words for these are hard to read. */
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'
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
  const { id, region, installation } = account
  const client = new CloudFormationClient({})
  const there = await explained({ installation, region }, 'deployer', async () => {
    try {
      return ((await client.send(new DescribeStacksCommand({ StackName: 'CDKToolkit' }))).Stacks ?? []).length > 0
    } catch (error) {
      if (error instanceof Error && error.name === 'ValidationError' && /does not exist/.test(error.message)) return false
      // Who may deploy by the roles of the bootstrap need not see its stack; cdk says it then.
      if (error instanceof Error && /AccessDenied/.test(error.name)) return true
      throw error
    }
  })
  if (there || (await bootstrap())) return
  throw new UserError(`Account ${id} has never been prepared for CDK in region ${region}.`, {
    hint: 'Once for each account and region: tidemill deploy --bootstrap. If the region is wrong: --region NAME',
    exitCode: EXIT.infrastructure,
  })
}
