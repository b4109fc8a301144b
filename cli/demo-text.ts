/** What the demo says at its end, good or bad. */
import { join } from 'node:path'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'
import type { DemoResult } from './demo.ts'
import type { DemoPage } from './demo-page.ts'
import type { Effects, Sink } from './effects.ts'
import type { Style } from './style.ts'

interface Ending {
  folder: string
  packageRoot: string
  /** The cloud stays up. */
  keep: boolean
  /** It is served until Ctrl-C. */
  page: DemoPage | undefined
}

export function goodbye(result: DemoResult, { folder, packageRoot, keep, page }: Ending): string[] {
  const [first] = result.runs
  const failed = result.runs.at(-1)
  const program = `node ${join(packageRoot, 'dist', 'bin', 'tidemill.mjs')} --local --config ${join(folder, 'tidemill.yml')}`
  return [
    `All of it worked, in ${Math.round(result.seconds)} s. What is where:`,
    `  configuration   ${join(folder, 'tidemill.yml')}`,
    `  dbt project     ${join(folder, 'repository')}`,
    `  docs            ${result.docs}   (tidemill docs --open shows them)`,
    `  message         ${join(folder, 'message.json')}`,
    '  run records, logs, artifacts: in the local cloud, as they would be in DynamoDB and S3:',
    '',
    `  alias tidemill='${program}'`,
    ...(keep ? [] : ['  tidemill local up                 start the local cloud again; everything is kept']),
    '  tidemill ui --open                the runs in the browser',
    '  tidemill runs                     the run records',
    `  tidemill show ${failed?.id}     what failed, and what to do`,
    `  tidemill logs ${first?.id}`,
    `  tidemill artifacts ${first?.id} --download ./artifacts`,
    '  tidemill next                     when the jobs run by themselves',
    `  tidemill local down               ${keep ? 'the local cloud is still up' : 'stop it again'}`,
    ...(page ? ['', `The runs in the browser (Ctrl-C ends it${keep ? '' : ' and the local cloud'}):`, `  ${page.address}`] : []),
  ]
}

interface Failure {
  effects: Effects
  sink: Sink
  style: Style
  folder: string
  json: boolean
  interrupted: boolean
}

/** Why, where the logs are, and the exit code. The stage that failed has been marked already. */
export function showFailure(error: unknown, { effects, sink, style, folder, json, interrupted }: Failure): number {
  if (effects.interrupt.aborted) {
    sink.write('Interrupted; what was started is being stopped.\n')
    if (json) effects.stdout.write(`${JSON.stringify({ error: { message: 'interrupted', exitCode: EXIT.interrupted } })}\n`)
    return EXIT.interrupted
  }
  const known = error instanceof UserError
  const message = interrupted
    ? 'Not done within the time limit.'
    : known
      ? error.message
      : String(error instanceof Error ? error.stack : error)
  const exitCode = known ? error.exitCode : EXIT.infrastructure
  sink.write(`${style.red('✗')} ${message}\n`)
  if (known && error.hint !== undefined) sink.write(`${error.hint}\n`)
  const logs = join(folder, '.tidemill', 'local')
  sink.write(`Logs of the local cloud: ${join(logs, 'emulator.log')}, ecs.log and deploy.log beside it.\n`)
  if (json) effects.stdout.write(`${JSON.stringify({ error: { message, exitCode } })}\n`)
  return exitCode
}
