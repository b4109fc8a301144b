import { dirname } from 'node:path'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'
import { type Command, type Context, flagOption, type Input, type Outcome, textOption } from './command.ts'
import { readConfig } from './config-load.ts'
import { requireConfigFile } from './installation.ts'
import { bringUp } from './local-up.ts'
import { parsePort } from './option-values.ts'
import { makeStages } from './progress.ts'

export const localUpCommand: Command = {
  usage: 'local up',
  summary: 'start the cloud on this machine and deploy tidemill.yml into it',
  options: [
    { flags: '--port <number>', text: 'port of the local cloud on 127.0.0.1 (default: that of the last time, or a free one)' },
  ],
  run: localUp,
}

export const localDownCommand: Command = {
  usage: 'local down',
  summary: 'stop it; runs, logs and schedules are kept for the next time',
  options: [],
  async run(context) {
    const { down } = await import('../local/cloud.ts')
    const stopped = await down({ folder: dirname(requireConfigFile(context)) })
    return { document: { stopped }, lines: [stopped ? 'Stopped. Start it again:  tidemill local up' : 'It was not running.'] }
  },
}

export const localStatusCommand: Command = {
  usage: 'local status',
  summary: 'whether it runs, where, and where its logs are',
  options: [],
  async run(context) {
    const { status } = await import('../local/cloud.ts')
    const found = await status({ folder: dirname(requireConfigFile(context)) })
    const up = found.emulator === 'up' && found.ecs === 'up'
    return {
      document: { ...found, up },
      lines: [
        up
          ? `Up at ${found.endpoint}${found.deployed ? '' : ', nothing deployed'}.`
          : `Down${found.endpoint ? '' : ', never started here'}.`,
        `  emulator ${found.emulator}   ${found.logs.emulator}`,
        `  ecs      ${found.ecs}   ${found.logs.ecs}`,
        `  deploy   ${found.deployed ? 'done' : 'none'}   ${found.logs.deploy}`,
        ...(found.webhookUrl ? [`  webhook  ${found.webhookUrl}`] : []),
        ...(up ? [] : ['Start it:  tidemill local up']),
      ],
      exitCode: up ? EXIT.ok : EXIT.infrastructure,
    }
  },
}

export const localResetCommand: Command = {
  usage: 'local reset',
  summary: 'stop it and forget everything: runs, logs, artifacts, deployment',
  options: [{ flags: '-y, --yes', text: 'do not ask' }],
  run: localReset,
}

async function localUp(context: Context, input: Input): Promise<Outcome> {
  const { effects, globals, style } = context
  const portText = textOption(input, 'port')
  const port = portText === undefined ? undefined : parsePort(portText)
  const config = await readConfig(context)
  const configPath = requireConfigFile(context)
  const stages = makeStages(globals.json ? effects.stderr : effects.stdout, effects.clock, style)
  const { cloud, deployment, seconds } = await bringUp({
    effects,
    config,
    configPath,
    stages,
    ...(port !== undefined && { port }),
  })
  const [job] = Object.keys(config.jobs)
  const { webhookUrl } = deployment
  return {
    document: {
      endpoint: cloud.endpoint,
      ...(webhookUrl && { webhookUrl }),
      folder: cloud.paths.root,
      resources: deployment.resources,
      seconds,
    },
    lines: [
      '',
      'The schedules run as they would on AWS. With --local, or TIDEMILL_LOCAL=1, every command means this cloud:',
      `  tidemill --local run ${job?.split('/')[1] ?? 'JOB'} --follow`,
      '  tidemill --local runs',
      ...(webhookUrl ? [`Pushes and signed requests (docs/triggers.md):  ${webhookUrl}`] : []),
      'Stop it:  tidemill local down   (everything is kept)',
    ],
  }
}

async function localReset(context: Context, input: Input): Promise<Outcome> {
  const { ask } = context.effects
  const folder = dirname(requireConfigFile(context))
  if (!flagOption(input, 'yes')) {
    if (!ask || context.globals.json)
      throw new UserError('This forgets all runs, logs and artifacts of the local cloud.', {
        hint: 'If that is meant: tidemill local reset --yes',
      })
    const answer = await ask(`Forget all runs, logs and artifacts of the local cloud of ${folder}? [y/N] `)
    if (!/^y(es)?$/i.test(answer.trim())) return { document: { reset: false }, lines: ['Nothing was changed.'] }
  }
  const { reset } = await import('../local/cloud.ts')
  await reset({ folder })
  return { document: { reset: true }, lines: ['Forgotten. Start afresh:  tidemill local up'] }
}
