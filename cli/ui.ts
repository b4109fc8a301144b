import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DEPLOYMENTS_KEY } from '../shared/contract.ts'
import { UserError } from '../shared/errors.ts'
import { makePageAnswers, type Viewer } from '../shared/page-answers.ts'
import { pageAddress, runRoute } from '../shared/page-api.ts'
import type { PageReads } from '../shared/page-reads.ts'
import type { Role } from '../shared/page-roles.ts'
import { readConfig } from './aws.ts'
import { kindOfAwsError } from './aws-errors.ts'
import { type Command, type Context, flagOption, type Input, type Outcome, textOption } from './command.ts'
import type { Connection } from './connection.ts'
import { serveDocs } from './docs-server.ts'
import { connect } from './installation.ts'
import { openBrowser } from './open-browser.ts'
import { parsePort } from './option-values.ts'
import { distFolder } from './places.ts'
import { resolveRun } from './runs-query.ts'
import { readPageFiles } from './ui-files.ts'
import { serveUi } from './ui-server.ts'

export const uiCommand: Command = {
  usage: 'ui',
  summary: 'runs, logs, history and docs in the browser, served on this machine until Ctrl-C',
  options: [
    { flags: '--run <id>', text: 'open this run' },
    { flags: '--open', text: 'open it in the browser' },
    { flags: '--no-actions', text: 'only look: no run is started, cancelled or retried from the page' },
    { flags: '--port <number>', text: `port of the page on 127.0.0.1 (default: 4780, or any free one)` },
    { flags: '--docs-port <number>', text: `port of dbt's docs (default: 4781, or any free one)` },
  ],
  examples: ['tidemill ui --open', 'tidemill ui --run 20261122T010004-9f3ac2d1b7e4'],
  run: showUi,
}

/** The same ones each time, so that the browser still has what it fetched and what was set. */
export const PORTS = { page: 4780, docs: 4781 }

async function showUi(context: Context, input: Input): Promise<Outcome> {
  const { effects } = context
  const pagePort = portOf(input, 'port', '--port', PORTS.page)
  const docsPort = portOf(input, 'docsPort', '--docs-port', PORTS.docs)
  const connection = await connect(context)
  const word = textOption(input, 'run')
  const route = word === undefined ? '/runs' : runRoute((await resolveRun(connection, word, effects.clock.now())).id)
  const ui = await startUi(context, connection, { actions: input.options.actions !== false, pagePort, docsPort })
  const address = pageAddress(ui.origin, route, ui.token)
  context.say(`${connection.installation} in ${connection.region}:  ${address}   (Ctrl-C ends it)`)
  if (flagOption(input, 'open') && !(await openBrowser(effects, address)))
    context.say('No browser could be opened; open the address yourself.')
  while (!effects.interrupt.aborted) await effects.clock.sleep(60_000, effects.interrupt)
  await ui.close()
  return { document: { page: ui.origin, docs: ui.docs }, lines: [] }
}

interface Port {
  port: number
  option?: string
}
const portOf = (input: Input, name: string, option: string, usual: number): Port => {
  const text = textOption(input, name)
  return text === undefined ? { port: usual } : { port: parsePort(text, option), option }
}

interface UiOptions {
  actions: boolean
  pagePort: Port
  docsPort: Port
}

export interface Ui {
  /** Without a slash at the end, as that of the docs. */
  origin: string
  docs: string
  token: string
  close(): Promise<void>
}

export async function startUi(
  context: Pick<Context, 'effects' | 'say' | 'paste'>,
  connection: Connection,
  { actions, pagePort, docsPort }: UiOptions,
): Promise<Ui> {
  const { effects } = context
  const files = readPageFiles(join(distFolder(effects), 'site'))
  const { role, actor } = await identify(connection)
  const docs = await serveDocs(connection, docsPort)
  const viewer = {
    installation: connection.installation,
    actor,
    role: actions ? role : 'viewer',
    docs: docs.origin,
    command: context.paste('tidemill runs').replace(/ runs$/, ''),
    version: readVersion(effects.packageRoot),
    act: request => connection.api(request),
  } satisfies Viewer
  const token = randomBytes(24).toString('base64url')
  const answers = makePageAnswers(readsOf(connection), () => effects.clock.now())
  const report = (error: unknown) => context.say(String(error instanceof Error ? error.stack : error))
  const page = await serveUi({ files, bucket: connection.bucket, answers, viewer, token, report }, pagePort).catch(
    async error => {
      await docs.close()
      throw error
    },
  )
  return {
    origin: page.origin,
    docs: docs.origin,
    token,
    close: async () => void (await Promise.all([page.close(), docs.close()])),
  }
}

const readsOf = (connection: Connection): PageReads => ({
  item: pk => connection.table.get(pk),
  items: pks => connection.table.getMany(pks),
  open: partition => connection.table.open(partition),
  keys: async (prefix, after, limit) => (await connection.bucket.list(prefix, { after, limit })).map(({ key }) => key),
  bytes: (key, part) => connection.bucket.read(key, part),
  configKey: () => connection.configKey(),
  config: key => readConfig(connection.bucket, key),
  deployments: limit => connection.table.query('job', DEPLOYMENTS_KEY, { limit }),
})

/**
 * Who may call the api may do everything there; AWS refuses the others before our code. The api names the caller as the audit
 * trail does.
 */
async function identify(connection: Connection): Promise<{ role: Role; actor: string }> {
  try {
    const answer = await connection.api({ operation: 'whoami' })
    // An api of an older version does not know the question, and has let the caller in all the same.
    return { role: 'admin', actor: (answer.ok && answer.actor) || (await connection.identity()) }
  } catch (error) {
    if (!(error instanceof UserError) || kindOfAwsError(error.cause) !== 'denied') throw error
    return { role: 'viewer', actor: await connection.identity() }
  }
}

function readVersion(packageRoot: string): string {
  const parsed: unknown = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  return typeof parsed === 'object' && parsed && 'version' in parsed ? String(parsed.version) : 'unknown'
}
