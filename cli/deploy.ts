import { dirname, join } from 'node:path'
import { CONTEXT } from '../shared/app-context.ts'
import { UserError } from '../shared/errors.ts'
import { plural } from '../shared/format.ts'
import { EXIT } from '../shared/reasons.ts'
import { readAccount, requireBootstrap, requireOwnStack } from './account.ts'
import { type Command, type Context, flagOption, type Input, type Option, type Outcome } from './command.ts'
import { loadConfigFile, requireOk } from './config-load.ts'
import { describeDeployment } from './deploy-notes.ts'
import { connect, findTarget, wantsLocal } from './installation.ts'
import { bringUp } from './local-up.ts'
import { distFolder } from './places.ts'
import { makeStages } from './progress.ts'

const YES: Option = { flags: '-y, --yes', text: 'do not ask for approval' }

export const deployCommand: Command = {
  usage: 'deploy',
  summary: 'put tidemill.yml into the AWS account (cdk deploy); also changes what is there',
  options: [YES, { flags: '--bootstrap', text: 'run cdk bootstrap first, if account and region never had it' }],
  examples: ['tidemill deploy --profile acme --region eu-central-1'],
  run: deploy,
}

export const diffCommand: Command = {
  usage: 'diff',
  summary: 'what deploy would change (cdk diff)',
  options: [],
  run: context => cdkOnAws(context, 'diff', [], { bootstrap: false }),
}

export const destroyCommand: Command = {
  usage: 'destroy',
  summary: 'take the installation away (cdk destroy); bucket and table stay',
  options: [YES],
  run: destroy,
}

async function deploy(context: Context, input: Input): Promise<Outcome> {
  if (wantsLocal(context)) return deployLocally(context)
  const approval = flagOption(input, 'yes') ? ['--require-approval', 'never'] : []
  const outcome = await cdkOnAws(context, 'deploy', ['--all', '--progress', 'events', ...approval], {
    bootstrap: flagOption(input, 'bootstrap'),
  })
  return {
    ...outcome,
    lines: [...outcome.lines, 'See when jobs run:  tidemill next', 'Run one now:        tidemill run JOB --follow'],
  }
}

async function deployLocally(context: Context): Promise<Outcome> {
  const { effects, globals, style } = context
  const { path, result } = await loadConfigFile(context)
  const config = await requireOk(result)
  const stages = makeStages(globals.json ? effects.stderr : effects.stdout, effects.clock, style)
  const { deployment, seconds } = await bringUp({ effects, config, configPath: path, stages })
  return {
    document: { resources: deployment.resources, seconds },
    lines: [`Deployed ${plural(Object.keys(config.jobs).length, 'job')}.`],
  }
}

async function destroy(context: Context, input: Input): Promise<Outcome> {
  if (wantsLocal(context))
    throw new UserError('The local cloud is taken away by another command.', { hint: 'tidemill local reset' })
  if (!flagOption(input, 'yes') && context.effects.ask === undefined)
    throw new UserError('destroy takes schedules, functions and roles away.', {
      hint: 'If that is meant: tidemill destroy --yes',
    })
  return cdkOnAws(context, 'destroy', flagOption(input, 'yes') ? ['--force'] : [], { bootstrap: false })
}

/** Everything that can be said beforehand is said before cdk starts: configuration, credentials, region, bootstrap. */
async function cdkOnAws(
  context: Context,
  command: string,
  args: string[],
  { bootstrap }: { bootstrap: boolean },
): Promise<Outcome> {
  const { effects } = context
  if (wantsLocal(context))
    throw new UserError(`${command} is for AWS.`, { hint: 'The local cloud: tidemill local up, local reset' })
  const { path, result } = await loadConfigFile(context)
  const config = await requireOk(result)
  const dist = distFolder(effects)
  const account = await readAccount(effects.env, { ...(await findTarget(context)), installation: config.installation })
  context.say(`Account ${account.id}, region ${account.region}, as ${account.identity}`)
  await requireOwnStack(account)
  const after = command === 'destroy' ? undefined : config
  for (const line of await describeDeployment(() => connect(context), after)) context.say(line)
  const cdk = (words: string[]) => runCdk(context, dirname(path), words, account.region)
  if (command !== 'destroy')
    await requireBootstrap(
      account,
      async () => bootstrap && (await cdk(['bootstrap', `aws://${account.id}/${account.region}`])) === 0,
    )
  const output = join(dirname(path), '.tidemill', 'cdk.out')
  const app = `"${process.execPath}" "${join(dist, 'bin', 'app.mjs')}"`
  const code = await cdk([
    command,
    '--app',
    app,
    '-c',
    `${CONTEXT.config}=${path}`,
    '-c',
    `${CONTEXT.deployedBy}=${account.identity}`,
    '--output',
    output,
    ...args,
  ])
  if (code === 130) return { document: { command, interrupted: true }, lines: [], exitCode: EXIT.interrupted }
  if (code !== 0)
    throw new UserError(`cdk ${command} failed (exit code ${code}); its message is above.`, {
      hint: 'Correct that and repeat the command: what is done already is not done twice.',
      exitCode: EXIT.infrastructure,
    })
  return { document: { command, account: account.id, region: account.region, installation: config.installation }, lines: [] }
}

/** The cdk of this package, talking to the terminal itself. With `--json` its words go to stderr. */
async function runCdk({ effects, globals, style }: Context, cwd: string, words: string[], region: string): Promise<number> {
  const { createRequire } = await import('node:module')
  const program = createRequire(import.meta.url).resolve('aws-cdk/bin/cdk')
  const env = {
    ...effects.env,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    CDK_DISABLE_VERSION_CHECK: '1',
    NODE_NO_WARNINGS: '1',
  }
  const plain = style.red('x') === 'x' ? ['--no-color'] : []
  const stdio = globals.json ? 'stderr' : 'inherit'
  const { code } = await effects.execute(process.execPath, [program, ...words, '--no-notices', ...plain], { cwd, env, stdio })
  return code
}
