/** The CDK app: one installation from one tidemill.yml (`cdk deploy -c config=PATH`). */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { App } from 'aws-cdk-lib'
import cdkJson from '../cdk.json' with { type: 'json' }
import { builtCode } from '../lib/assets.ts'
import { SiteStack } from '../lib/site-stack.ts'
import { TidemillStack } from '../lib/tidemill-stack.ts'
import packageJson from '../package.json' with { type: 'json' }
import { CONTEXT } from '../shared/app-context.ts'
import { formatProblems, requireConfig } from '../shared/config.ts'
import type { Config } from '../shared/config-model.ts'
import { UserError } from '../shared/errors.ts'
import { siteStackName, stackName } from '../shared/resource-names.ts'

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
  const { config: whole, warnings } = requireConfig({ path, text, read })
  if (warnings.length > 0) console.error(formatProblems(warnings))
  const imageRepository: string | undefined = app.node.tryGetContext(CONTEXT.imageRepository)
  const consoleUrl: string | undefined = app.node.tryGetContext(CONTEXT.consoleUrl)
  const deployedBy: string | undefined = app.node.tryGetContext(CONTEXT.deployedBy)
  const { site, ...rest } = whole
  const config: Config = site && app.node.tryGetContext(CONTEXT.site) !== 'off' ? whole : rest
  const code = builtCode()
  const props = { config, code, imageRepository, consoleUrl, deployedBy }
  const main = new TidemillStack(app, stackName(config.installation), props)
  if (config.site) new SiteStack(app, siteStackName(config.installation), { config, main, code, version: packageJson.version })
  app.synth()
}

try {
  main()
} catch (error) {
  if (!(error instanceof UserError)) throw error
  console.error([error.message, error.hint].filter(Boolean).join('\n'))
  process.exit(error.exitCode)
}
