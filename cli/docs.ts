import { resolve } from 'node:path'
import { KEY } from '../shared/contract.ts'
import { docsFolder, docsPath } from '../shared/docs-site.ts'
import { UserError } from '../shared/errors.ts'
import { formatRelative, oneLine } from '../shared/format.ts'
import type { Pointer } from '../shared/pointer.ts'
import { EXIT } from '../shared/reasons.ts'
import { meant } from '../shared/suggest.ts'
import { downloadBelow } from './artifacts.ts'
import { type Command, type Context, flagOption, type Input, type Outcome, textOption } from './command.ts'
import type { Connection } from './connection.ts'
import { serveDocs } from './docs-server.ts'
import { connect } from './installation.ts'
import { openBrowser } from './open-browser.ts'
import { parsePort } from './option-values.ts'
import { readPointer } from './pointer.ts'

export const docsCommand: Command = {
  usage: 'docs [environment]',
  summary: 'the current dbt docs of an environment, served on this machine until Ctrl-C',
  options: [
    { flags: '--open', text: 'open them in the browser' },
    { flags: '--download <dir>', text: 'only store them in this folder' },
    { flags: '--port <number>', text: 'port on 127.0.0.1 (default: any free one)' },
  ],
  examples: ['tidemill docs --open', 'tidemill docs prod --download ./docs'],
  run: showDocs,
}

/** Short names. */
interface Place {
  project: string
  environment: string
}

async function showDocs(context: Context, input: Input): Promise<Outcome> {
  const { effects } = context
  const portText = textOption(input, 'port')
  const port = portText === undefined ? { port: 0 } : { port: parsePort(portText), option: '--port' }
  const connection = await connect(context)
  const { project, environment } = await findEnvironment(connection, input.words.environment)
  const pointer = await requireDocs(connection, { project, environment })
  const age = `${project}/${environment}, run ${pointer.run}, ${formatRelative(new Date(pointer.resolvedAt), effects.clock.now())}`
  const document = { project, environment, run: pointer.run, commit: pointer.commit }
  const wanted = textOption(input, 'download')
  if (wanted !== undefined) {
    const folder = resolve(effects.cwd, wanted)
    await downloadDocs(connection, docsFolder(project, environment, pointer), folder)
    return { document: { ...document, folder }, lines: [`Docs of ${oneLine(age, 300)} are in ${folder}`] }
  }
  if (context.globals.json) return { document, lines: [] }
  const server = await serveDocs(connection, port)
  const url = server.origin + docsPath(project, environment)
  context.say(`Docs of ${oneLine(age, 300)}:  ${url}   (Ctrl-C ends it)`)
  if (flagOption(input, 'open') && !(await openBrowser(effects, url)))
    context.say('No browser could be opened; open the address yourself.')
  while (!effects.interrupt.aborted) await effects.clock.sleep(60_000, effects.interrupt)
  await server.close()
  return { document, lines: [] }
}

/** The one that is named, or the only one there is. */
async function findEnvironment(connection: Connection, word: string | undefined): Promise<Place> {
  const config = await connection.config()
  const all = Object.entries(config.environments)
  const found = word === undefined ? all : all.filter(([name, environment]) => word === name || word === environment.name)
  const [first] = found
  if (first && found.length === 1) return { project: first[1].project, environment: first[1].name }
  const names = all.map(([name]) => name)
  if (word !== undefined && found.length === 0) throw new UserError(`There is no environment "${word}"${meant(word, names)}`)
  throw new UserError('There are several environments.', { hint: `Name one: tidemill docs ${names.join(' | ')}` })
}

async function requireDocs({ bucket }: Connection, { project, environment }: Place): Promise<Pointer> {
  const pointer = await readPointer(bucket, KEY.docsPointer(project, environment))
  if (pointer) return pointer
  throw new UserError(`There are no docs of ${project}/${environment} yet.`, {
    hint: 'They come with the first good run of a job that has "docs: true".',
    exitCode: EXIT.infrastructure,
  })
}

/** Stores the current docs of an environment in a folder. */
export async function fetchDocs(connection: Connection, { project, environment }: Place, folder: string): Promise<void> {
  const pointer = await requireDocs(connection, { project, environment })
  await downloadDocs(connection, docsFolder(project, environment, pointer), folder)
}

async function downloadDocs({ bucket }: Connection, prefix: string, folder: string) {
  const objects = await bucket.list(prefix)
  if (objects.length === 0)
    throw new UserError(`The docs at ${prefix} are no longer in the bucket.`, {
      hint: 'The next good run of the job that publishes docs puts new ones there.',
      exitCode: EXIT.infrastructure,
    })
  for (const { key } of objects) await downloadBelow(bucket, key, folder, key.slice(prefix.length))
}
