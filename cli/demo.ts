/** The whole path on this machine, to be looked at: from a tidemill.yml to a scheduled run, its docs and a message. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startOf } from '../local/process.ts'
import { UserError } from '../shared/errors.ts'
import { fieldsOf } from '../shared/fields.ts'
import { EXIT } from '../shared/reasons.ts'
import type { RunRecord } from '../shared/run.ts'
import { loadConfigAt } from './config-load.ts'
import { type DemoPage, openPage } from './demo-page.ts'
import { breakProject, makeProject } from './demo-project.ts'
import { messageText, type Receiver, startReceiver } from './demo-receiver.ts'
import { type Demo, requireGood, runBehind, runByHand, runBySchedule } from './demo-runs.ts'
import { goodbye, showFailure } from './demo-text.ts'
import { fetchDocs } from './docs.ts'
import type { Effects } from './effects.ts'
import { bringUp } from './local-up.ts'
import { cacheFolder, distFolder } from './places.ts'
import { makeStages } from './progress.ts'
import { secondsOf } from './run-text.ts'
import { makeStyle, wantsColor } from './style.ts'

/** Seconds for everything but downloads; beyond that something hangs. */
const LIMIT_SECONDS = 600
/** Milliseconds until a message must have arrived after its run. */
const MESSAGE_WITHIN = 60_000
const PROJECT = 'harbour_line'

export interface DemoOptions {
  /** Leave the local cloud up. */
  keep: boolean
  json: boolean
}

export interface DemoResult {
  runs: { id: string; job: string; status: string; reason: string | null; seconds: number }[]
  /** Path of the first page of the docs. */
  docs: string
  /** The failure as the webhook received it, as text. */
  message: string
  /** Form of the address at which the page of the runs answered; the token differs each time. */
  page: string
  seconds: number
}

export async function runDemo(options: DemoOptions, effects: Effects): Promise<number> {
  const sink = options.json ? effects.stderr : effects.stdout
  const style = makeStyle(wantsColor(sink.isTTY, effects.env, true))
  const stages = makeStages(sink, effects.clock, style)
  const signal = AbortSignal.any([effects.interrupt, AbortSignal.timeout(LIMIT_SECONDS * 1000)])
  const folder = await makeFolder(effects, options)
  const receiver = await startReceiver()
  let page: DemoPage | undefined
  try {
    const played = await play({ effects, sink, style, stages, signal, folder }, receiver)
    page = played.page
    if (options.json) effects.stdout.write(`${JSON.stringify(played.result)}\n`)
    // Somebody looks on: what they want to see next is the page, and it is theirs until they have seen it.
    const serves = sink.isTTY && !options.json
    const lines = goodbye(played.result, {
      folder,
      packageRoot: effects.packageRoot,
      keep: options.keep,
      page: serves ? page : undefined,
    })
    for (const line of lines) sink.write(`${line}\n`)
    while (serves && !effects.interrupt.aborted) await effects.clock.sleep(60_000, effects.interrupt)
    return EXIT.ok
  } catch (error) {
    stages.end(effects.interrupt.aborted ? 'cancelled' : 'error')
    return showFailure(error, { effects, sink, style, folder, json: options.json, interrupted: signal.aborted })
  } finally {
    stages.stop()
    await page?.close()
    await receiver.close()
    if (!options.keep || (effects.interrupt.aborted && !page)) await takeDown(folder)
  }
}

async function play(setting: Omit<Demo, 'connection'>, receiver: Receiver): Promise<{ result: DemoResult; page: DemoPage }> {
  const { effects, sink, stages, folder } = setting
  const began = effects.clock.now().getTime()
  sink.write('tidemill demo\n')
  stages.start('example', folder)
  const project = await makeProject(effects, folder, join(distFolder(effects), 'example'), receiver.url)
  const config = await loadConfigAt(project.configPath)
  stages.end('success', folder)
  const { cloud } = await bringUp({ effects, config, configPath: project.configPath, stages })
  const connection = await effects.connect({ installation: config.installation, localFolder: folder })
  const demo: Demo = { ...setting, connection }

  sink.write('\nA schedule starts the job of every night\n')
  const first = await runBySchedule(demo, cloud, `${PROJECT}/nightly`)
  await requireGood(demo, first)
  sink.write('\nThe job that runs after it\n')
  const behind = await runBehind(demo, first, `${PROJECT}/partner_export`)
  await requireGood(demo, behind)
  stages.start('docs', 'the current ones of the environment')
  const docs = join(folder, 'docs')
  await fetchDocs(connection, { project: PROJECT, environment: 'prod' }, docs)
  stages.end('success', docs)

  sink.write('\nSomebody makes a mistake, and a run fails\n')
  stages.start('mistake', 'a price in seeds/fares.csv that is no number, committed')
  await breakProject(effects, project)
  stages.end('success', 'a price in seeds/fares.csv that is no number, committed')
  const second = await runByHand(demo, `${PROJECT}/nightly`)
  requireFailed(second)
  const message = await waitForMessage(demo, receiver, second)
  const runs = [first, behind, second].map(run => summarise(run, effects.clock.now()))
  const page = await openPage(demo, runs)
  const seconds = round((effects.clock.now().getTime() - began) / 1000)
  const address = page.address.replace(page.token, '<token>')
  return { result: { runs, docs: join(docs, 'index.html'), message, page: address, seconds }, page }
}

const round = (seconds: number) => Math.round(seconds * 10) / 10

const summarise = (run: RunRecord, now: Date) => ({
  id: run.id,
  job: `${run.project}/${run.job}`,
  status: run.status,
  reason: run.reason ?? null,
  seconds: round(secondsOf(run, now)),
})

function requireFailed(run: RunRecord) {
  if (run.status === 'error' && run.reason === 'node_failures') return
  throw new UserError(`Run ${run.id} was to fail with node_failures, and ended with ${run.status} ${run.reason ?? ''}`, {
    exitCode: EXIT.dbt,
  })
}

async function waitForMessage(
  { effects, stages, sink, folder, signal }: Demo,
  receiver: Receiver,
  run: RunRecord,
): Promise<string> {
  const { clock } = effects
  stages.start('message', 'waiting for the webhook to be called')
  const until = clock.now().getTime() + MESSAGE_WITHIN
  while (clock.now().getTime() < until && !signal.aborted) {
    const body = receiver.messages.find(text => text.includes(run.id))
    if (body !== undefined) {
      const text = messageText(body)
      writeFileSync(join(folder, 'message.json'), `${body}\n`)
      stages.end('success', 'as the webhook received it:')
      sink.write(
        `\n${text
          .split('\n')
          .map(line => `    ${line}`)
          .join('\n')}\n\n`,
      )
      return text
    }
    await clock.sleep(300, signal)
  }
  throw new UserError(`No message about run ${run.id} arrived within ${MESSAGE_WITHIN / 1000} s.`, {
    exitCode: EXIT.infrastructure,
  })
}

/**
 * A folder of its own for each time. Earlier ones are removed, also one whose cloud is still up because its demo was
 * killed; not one that was to be kept, while it is up, nor that of a demo which still runs.
 */
async function makeFolder(effects: Effects, { keep }: DemoOptions): Promise<string> {
  const { status, down } = await import('../local/cloud.ts')
  const demos = join(cacheFolder(effects), 'demo')
  for (const name of existsSync(demos) ? readdirSync(demos) : []) {
    const old = join(demos, name)
    const owner = ownerOf(old)
    if (owner === 'runs') continue
    const { emulator, ecs } = await status({ folder: old })
    const up = emulator === 'up' || ecs === 'up'
    if (up && owner !== 'gone') continue
    if (up) await down({ folder: old })
    rmSync(old, { recursive: true, force: true })
  }
  const { pid } = process
  const folder = join(demos, `${effects.clock.now().toISOString().slice(0, 19).replace(/[-:]/g, '')}-${pid}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, OWNER), JSON.stringify({ pid, started: startOf(pid), keep }))
  return folder
}

/** Who made the folder, and whether its cloud is to stay up. */
const OWNER = 'demo.json'

/** `gone`: it ended without taking its cloud down, which was not to be kept. */
function ownerOf(folder: string): 'runs' | 'gone' | undefined {
  try {
    const owner: unknown = JSON.parse(readFileSync(join(folder, OWNER), 'utf8'))
    const { pid, started, keep } = fieldsOf(owner)
    if (typeof pid !== 'number') return undefined
    if (startOf(pid) === started) return 'runs'
    return keep === false ? 'gone' : undefined
  } catch {
    return undefined
  }
}

async function takeDown(folder: string): Promise<void> {
  const { down } = await import('../local/cloud.ts')
  await down({ folder })
}
