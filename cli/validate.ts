import { UserError } from '../shared/errors.ts'
import { plural } from '../shared/format.ts'
import { EXIT } from '../shared/reasons.ts'
import { type Command, type Context, flagOption, type Input, type Outcome } from './command.ts'
import { loadConfigFile } from './config-load.ts'
import { checkRepositories } from './git-remote.ts'

export const validateCommand: Command = {
  usage: 'validate',
  summary: 'check tidemill.yml and what it refers to; changes nothing, needs no AWS account',
  options: [
    { flags: '--remote', text: 'also ask the git hosts for the repositories and branches, with your own git credentials' },
  ],
  run: validate,
}

async function validate(context: Context, input: Input): Promise<Outcome> {
  const { formatProblems } = await import('../shared/config.ts')
  const { shown, result } = await loadConfigFile(context)
  const { warnings } = result
  const warningLines = warnings.length > 0 ? [formatProblems(warnings, 'warning')] : []
  if (!result.ok)
    return {
      document: { ok: false, problems: result.problems, warnings },
      lines: [formatProblems(result.problems), ...warningLines, 'Nothing was changed.'],
      exitCode: EXIT.usage,
    }
  const { config } = result
  if (flagOption(input, 'remote')) {
    const missing = await checkRepositories(context.effects, config)
    if (missing[0])
      throw new UserError(missing.map(problem => problem.message).join('\n'), {
        hint: missing[0].hint,
        exitCode: EXIT.infrastructure,
      })
  }
  const size = [
    plural(Object.keys(config.jobs).length, 'job'),
    plural(Object.keys(config.environments).length, 'environment'),
    plural(Object.keys(config.projects).length, 'project'),
  ]
  return {
    document: {
      ok: true,
      problems: [],
      warnings,
      jobs: Object.keys(config.jobs),
      environments: Object.keys(config.environments),
    },
    lines: [...warningLines, `${context.style.green('✓')} ${shown} is good: ${size.join(', ')}.`],
  }
}
