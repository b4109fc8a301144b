import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../shared/errors.ts'
import { meant } from '../shared/suggest.ts'
import { type Command, type Context, flagOption, type Input, type Outcome, textOption } from './command.ts'
import { checkTexts } from './config-load.ts'
import { ADAPTERS } from './init-adapters.ts'
import { detect, type Found, withoutCredentials } from './init-detect.ts'
import { type Answers, profilesYml, tidemillYml } from './init-files.ts'
import { CONFIG_FILE } from './installation.ts'

export const initCommand: Command = {
  usage: 'init',
  summary: 'write tidemill.yml and profiles.yml; looks at the dbt project and the git repository here',
  options: [
    { flags: '--project <name>', text: 'name of the project' },
    { flags: '--repository <url>', text: 'git repository of the dbt project' },
    { flags: '--branch <name>', text: 'branch that is run' },
    { flags: '--folder <path>', text: 'folder of the dbt project in the repository' },
    { flags: '--adapter <name>', text: `one of ${Object.keys(ADAPTERS).join(', ')}` },
    { flags: '--engine <name>', text: 'core-1.11, core-1.12 or oss-2.0' },
    { flags: '--profile-name <name>', text: 'profile that the dbt project names' },
    { flags: '--target <name>', text: 'target of the profile' },
    { flags: '--timezone <name>', text: 'zone of the schedule' },
    { flags: '-y, --yes', text: 'take what was found, ask nothing' },
    { flags: '--force', text: 'write over existing files' },
  ],
  examples: ['tidemill init', 'tidemill init --yes --adapter snowflake --repository https://github.com/acme/shop.git'],
  run: init,
}

async function init(context: Context, input: Input): Promise<Outcome> {
  const { effects } = context
  const paths = { config: join(effects.cwd, CONFIG_FILE), profiles: join(effects.cwd, 'profiles.yml') }
  const force = flagOption(input, 'force')
  if (existsSync(paths.config) && !force)
    throw new UserError(`There is a ${CONFIG_FILE} here already.`, {
      hint: 'Check it: tidemill validate. Or write over it: tidemill init --force',
    })
  const found = await detect(effects)
  for (const line of foundLines(found)) context.say(line)
  const answers = await collectAnswers(context, input, found)
  const keepProfiles = existsSync(paths.profiles) && !force
  const config = tidemillYml(answers, keepProfiles)
  const profiles = keepProfiles ? readFileSync(paths.profiles, 'utf8') : profilesYml(answers)
  // Nothing is written that `validate` would refuse.
  await checkTexts(context, CONFIG_FILE, { [CONFIG_FILE]: config, 'profiles.yml': profiles })
  mkdirSync(effects.cwd, { recursive: true })
  writeFileSync(paths.config, config)
  if (!keepProfiles) writeFileSync(paths.profiles, profiles)
  const written = [CONFIG_FILE, ...(keepProfiles ? [] : ['profiles.yml'])]
  return { document: { written, answers }, lines: nextLines(answers, written, keepProfiles) }
}

function foundLines(found: Found): string[] {
  return [
    ...(found.projectFolder ? [`Found the dbt project ${found.name ?? ''} in ${found.projectFolder}`] : ['No dbt project here.']),
    ...(found.profilesFile
      ? [`Found the profile ${found.profileName} (${found.adapter ?? 'adapter unknown'}) in ${found.profilesFile}`]
      : []),
    ...(found.repository ? [`Found the repository ${found.repository}, branch ${found.branch ?? 'unknown'}`] : []),
  ]
}

async function collectAnswers(context: Context, input: Input, found: Found): Promise<Answers> {
  const name = (found.name ?? '').replace(/[^A-Za-z0-9_-]/g, '_')
  const adapters = Object.keys(ADAPTERS)
  const missing: string[] = []
  const get = async (option: string, question: string, guess: string | undefined): Promise<string> => {
    const given = textOption(
      input,
      option.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
    )
    if (given !== undefined) return given
    const { ask } = context.effects
    if (ask && !context.globals.json && !flagOption(input, 'yes')) {
      const typed = (await ask(`${question}${guess ? ` [${guess}]` : ''}: `)).trim()
      if (typed !== '') return typed
    }
    if (!guess) missing.push(`--${option}`)
    return guess ?? ''
  }
  const repository = withoutCredentials(await get('repository', 'git repository', found.repository))
  const project = await get(
    'project',
    'Name of the project',
    name ||
      repository
        .replace(/\.git$/, '')
        .split(/[/:]/)
        .at(-1),
  )
  const answers: Answers = {
    installation: context.globals.installation ?? 'tidemill',
    repository,
    project,
    branch: await get('branch', 'Branch', found.branch ?? 'main'),
    folder: await get('folder', 'Folder of the dbt project in the repository', found.folder ?? '.'),
    adapter: await get('adapter', `Adapter (${adapters.join(', ')})`, found.adapter),
    engine: await get('engine', 'dbt (core-1.11, core-1.12, oss-2.0)', 'core-1.11'),
    profileName: await get('profile-name', 'Profile of the dbt project', found.profileName ?? project),
    target: await get('target', 'Target', found.target ?? 'prod'),
    timezone: await get('timezone', 'Time zone of the schedule', context.effects.zone),
  }
  if (missing.length > 0)
    throw new UserError(`Not known: ${missing.join(', ')}.`, {
      hint: 'Give the flags, or run tidemill init on a terminal and answer its questions.',
    })
  if (!adapters.includes(answers.adapter))
    throw new UserError(`--adapter "${answers.adapter}" has no image${meant(answers.adapter, adapters)}`)
  return answers
}

function nextLines(answers: Answers, written: string[], keepProfiles: boolean): string[] {
  const start = ADAPTERS[answers.adapter]
  const secrets = keepProfiles ? [] : [...new Set(Object.values(start?.secrets ?? {}).map(name => name.split('#')[0] ?? ''))]
  return [
    `Wrote ${written.join(' and ')}${keepProfiles ? '; profiles.yml is kept as it is: give its env_var() names under variables or secrets' : ''}.`,
    '',
    'Next:',
    ...(keepProfiles || Object.keys(start?.variables ?? {}).length === 0
      ? []
      : ['  fill in the values under variables in tidemill.yml']),
    ...secrets.map(name => `  store the secret:         aws secretsmanager create-secret --name ${name} --secret-string …`),
    '  check it:                 tidemill validate',
    '  see when it runs:         tidemill next',
    '  try it on this machine:   tidemill local up, then tidemill --local run nightly --follow',
    '  put it into your account: tidemill deploy',
  ]
}
