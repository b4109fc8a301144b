/** What a request names: jobs and environments by their full name, or by the short one where it is unique. */
import type { ApiResponse } from '../../shared/api.ts'
import type { Config, EnvironmentConfig, JobConfig } from '../../shared/config-model.ts'
import type { RunRecord } from '../../shared/run.ts'
import { meant } from '../../shared/suggest.ts'
import { findJob } from '../common/claim.ts'
import type { Store } from '../common/store.ts'

export type Refused = Extract<ApiResponse, { ok: false }>

export const refused = (message: string, hint?: string): Refused => ({ ok: false, status: 409, message, ...(hint && { hint }) })

export async function lookUpRun(store: Pick<Store, 'run'>, id: string): Promise<RunRecord | Refused> {
  const run = await store.run(id)
  return run ?? { ok: false, status: 404, message: `There is no run ${id} in this installation.`, hint: 'tidemill runs' }
}

export const lookUpJob = (config: Config, name: string): JobConfig | Refused =>
  findJob(config, name) ?? notFound('job', name, config.jobs)

export function lookUpEnvironment(config: Config, name: string): EnvironmentConfig | Refused {
  const full = config.environments[name]
  if (full) return full
  const [one, ...others] = Object.values(config.environments).filter(each => each.name === name)
  return one && others.length === 0 ? one : notFound('environment', name, config.environments)
}

function notFound(kind: 'job' | 'environment', name: string, named: Record<string, { name: string }>): Refused {
  const full = Object.keys(named)
  const same = full.filter(each => each.endsWith(`/${name}`))
  const article = kind === 'job' ? 'a job' : 'an environment'
  if (same.length > 1)
    return {
      ok: false,
      status: 404,
      message: `"${name}" is ${article} of several projects.`,
      hint: `Name one: ${same.join(', ')}`,
    }
  const shorts = new Set(Object.values(named).map(each => each.name))
  return { ok: false, status: 404, message: `"${name}" is not ${article}${meant(name, name.includes('/') ? full : shorts)}` }
}

export const isRefused = (value: object): value is Refused => 'ok' in value
