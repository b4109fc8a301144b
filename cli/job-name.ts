/** Jobs and environments by their full name, or by the short one where it is unique. */
import type { Config } from '../shared/config-model.ts'
import { UserError } from '../shared/errors.ts'
import { suggest } from '../shared/suggest.ts'

/** Full names that a word can mean. */
export const jobNames = (config: Config, word: string): string[] =>
  Object.values(config.jobs)
    .filter(job => word === job.name || word === `${job.project}/${job.name}`)
    .map(job => `${job.project}/${job.name}`)

/** Full name of the environment that is meant. */
export function findEnvironment(config: Config, word: string): string {
  const all = Object.keys(config.environments)
  const names = all.filter(name => name === word || name.endsWith(`/${word}`))
  const [first] = names
  if (first !== undefined && names.length === 1) return first
  if (names.length > 1)
    throw new UserError(`"${word}" is an environment of several projects.`, { hint: `Name one of: ${names.join(', ')}` })
  const near = suggest(word, [...all, ...all.map(name => name.split('/')[1] ?? '')])
  throw new UserError(`There is no environment "${word}"${near === undefined ? '' : `; did you mean "${near}"?`}`, {
    hint: `Environments: ${all.join(', ')}`,
  })
}

/** Full name of the job that is meant. */
export function findJob(config: Config, word: string): string {
  const names = jobNames(config, word)
  const [first] = names
  if (first !== undefined && names.length === 1) return first
  if (names.length > 1)
    throw new UserError(`"${word}" is a job of several projects.`, { hint: `Name one of: ${names.join(', ')}` })
  const all = Object.keys(config.jobs)
  const near = suggest(word, [...all, ...all.map(name => name.split('/')[1] ?? '')])
  throw new UserError(`There is no job "${word}"${near === undefined ? '' : `; did you mean "${near}"?`}`, {
    hint:
      all.length > 0
        ? `Jobs: ${all.join(', ')}. A job that is new in tidemill.yml has to be deployed first.`
        : 'The configuration has no jobs.',
  })
}
