/** Synthesises an installation for a test: its templates, and what CDK had to say about them. */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App } from 'aws-cdk-lib'
import cdkJson from '../../cdk.json' with { type: 'json' }
import { lambdaFolder } from '../../lib/assets.ts'
import { SiteStack } from '../../lib/site-stack.ts'
import { TidemillStack, type TidemillStackProps } from '../../lib/tidemill-stack.ts'
import type { Config } from '../../shared/config-model.ts'
import { FUNCTIONS } from '../../shared/resource-names.ts'

export interface Resource {
  Type: string
  // biome-ignore lint/suspicious/noExplicitAny: a template is looked into at many places, each of which asserts what it finds
  Properties: any
  DeletionPolicy?: string
  UpdateReplacePolicy?: string
  DependsOn?: string[]
}

export interface Template {
  file: string
  bytes: number
  resources: Record<string, Resource>
  outputs: Record<string, { Value: unknown; Export?: unknown }>
}

export interface Synthesis {
  main: Template
  nested: Template[]
  /** Of the hosted pages, where the configuration has them. */
  site?: Template
  /** Warnings and errors of constructs. */
  messages: string[]
}

export interface SynthOptions extends Pick<TidemillStackProps, 'imageRepository' | 'consoleUrl'> {
  /** Built code instead of functions that do nothing. */
  readonly code?: string
  readonly prepare?: (app: App) => void
  /** Folder to copy the templates to. */
  readonly keep?: string
}

export function synthesise(config: Config, { code, prepare, keep, imageRepository, consoleUrl }: SynthOptions = {}): Synthesis {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-synth-'))
  try {
    // The rules of CDK take as long as all the rest; test/lib/nag.test.ts looks at what they say.
    const builtinCloudFormationValidation = prepare !== undefined
    const app = new App({ context: cdkJson.context, outdir: join(folder, 'cdk.out'), builtinCloudFormationValidation })
    const built = code ?? emptyCode(join(folder, 'dist'))
    const stack = new TidemillStack(app, 'Tidemill', { config, code: built, imageRepository, consoleUrl })
    if (config.site) new SiteStack(app, 'Site', { config, main: stack, code: built, version: '1.2.3' })
    prepare?.(app)
    const assembly = app.synth()
    const messages = assembly.stacks.flatMap(stack => stack.messages)
    const files = readdirSync(assembly.directory).filter(file => file.endsWith('.template.json'))
    if (keep) for (const file of files) copyFileSync(join(assembly.directory, file), join(keep, file))
    const templates = files.map(file => readTemplate(assembly.directory, file))
    const site = templates.find(template => template.file.startsWith('Site.template'))
    const main = templates.find(template => !template.file.includes('.nested.') && template !== site)
    if (!main) throw new Error(`no template among ${files.join(', ')}`)
    return {
      main,
      nested: templates.filter(template => template !== main && template !== site),
      ...(site && { site }),
      messages: messages.map(({ level, id, entry }) => `${level} ${id} ${entry.data}`),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readTemplate(folder: string, file: string): Template {
  const text = readFileSync(join(folder, file), 'utf8')
  const { Resources: resources = {}, Outputs: outputs = {} } = JSON.parse(text)
  return { file, bytes: Buffer.byteLength(text), resources, outputs }
}

/** The templates do not depend on what the functions do: these tests need no build. */
function emptyCode(folder: string): string {
  for (const name of FUNCTIONS) {
    mkdirSync(lambdaFolder(folder, name), { recursive: true })
    writeFileSync(join(lambdaFolder(folder, name), 'index.js'), 'exports.handler = async () => {}\n')
  }
  mkdirSync(join(folder, 'container'))
  writeFileSync(join(folder, 'container/Dockerfile'), 'FROM scratch\n')
  return folder
}

export function ofType(template: Template, type: string): Resource[] {
  const found = Object.values(template.resources).filter(resource => resource.Type === type)
  if (found.length === 0) throw new Error(`no ${type} in ${template.file}`)
  return found
}

export function one(template: Template, type: string): Resource {
  const [first, ...more] = ofType(template, type)
  if (!first || more.length > 0) throw new Error(`${more.length + 1} of ${type} in ${template.file}`)
  return first
}
