/** The CDK app: one installation from one tidemill.yml (`cdk deploy -c config=PATH`). */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { App } from 'aws-cdk-lib'
import cdkJson from '../cdk.json' with { type: 'json' }
import { builtCode } from '../lib/assets.ts'
import { TidemillStack } from '../lib/tidemill-stack.ts'
import { CONTEXT } from '../shared/app-context.ts'
import { formatProblems, requireConfig } from '../shared/config.ts'
import { stackName } from '../shared/contract.ts'
import { UserError } from '../shared/errors.ts'

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function main(): void {
  // The flags come along, because cdk.json of the folder from which `tidemill deploy` is called is not ours.
  const app = new App({ context: cdkJson.context })
  const path: string = app.node.tryGetContext(CONTEXT.config) ?? 'tidemill.yml'
  const text = read(resolve(path))
  if (text === undefined)
    throw new UserError(`No ${path} here.`, { hint: 'Make one: tidemill init. Or name it: cdk deploy -c config=PATH' })
  const { config, warnings } = requireConfig({ path, text, read })
  if (warnings.length > 0) console.error(formatProblems(warnings))
  const imageRepository: string | undefined = app.node.tryGetContext(CONTEXT.imageRepository)
  const consoleUrl: string | undefined = app.node.tryGetContext(CONTEXT.consoleUrl)
  const deployedBy: string | undefined = app.node.tryGetContext(CONTEXT.deployedBy)
  const props = { config, code: builtCode(), imageRepository, consoleUrl, deployedBy }
  new TidemillStack(app, stackName(config.installation), props)
  app.synth()
}

try {
  main()
} catch (error) {
  if (!(error instanceof UserError)) throw error
  console.error([error.message, error.hint].filter(Boolean).join('\n'))
  process.exit(error.exitCode)
}
