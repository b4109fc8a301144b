/** `tidemill rerun`: another run from the start, with the parameters of a finished one. */
import type { ApiResponse } from '../../shared/api.ts'
import type { Config } from '../../shared/config-model.ts'
import { fullName } from '../../shared/contract.ts'
import { isFinal, type RunOverrides, type RunRecord } from '../../shared/run.ts'
import { settingsOf } from '../../shared/run-settings.ts'
import { claimRun } from '../common/claim.ts'
import { isRefused, lookUpRun, type Refused, refused } from './look-up.ts'
import type { ApiDeps } from './operate.ts'
import { answerClaim } from './start-run.ts'

export interface RerunRequest {
  operation: 'rerun'
  run: string
  idempotencyKey: string
  exact?: boolean
}

/** What no rerun can bring back. */
const NOT_EXACT =
  'Not the same: values of secrets, what the warehouse holds by now, packages that no lock file of the commit pins, and the image if it was built again (`tidemill show` compares).'

export async function rerun(deps: ApiDeps, actor: string, request: RerunRequest): Promise<ApiResponse> {
  const run = await lookUpRun(deps.store, request.run)
  if (isRefused(run)) return run
  if (!isFinal(run.status)) return refused(`Run ${run.id} is not over: ${run.status}.`, `tidemill logs ${run.id} --follow`)
  const exact = request.exact === true
  const source = await chooseConfig(deps, run, exact)
  if (isRefused(source)) return source
  const { job, hash } = source
  const overrides: RunOverrides = { ...run.overrides, ...(exact && run.commit && { commit: run.commit.sha }) }
  const claimed = await claimRun(deps, {
    job,
    config: hash,
    cause: { kind: 'request', actor, idempotencyKey: request.idempotencyKey },
    ...(Object.keys(overrides).length > 0 && { overrides }),
    fields: { rerunOf: { run: run.id, exact } },
  })
  const on = exact ? ` on commit ${run.commit?.sha.slice(0, 7)} with the configuration ${hash.slice(0, 12)}. ${NOT_EXACT}` : '.'
  return answerClaim(deps, claimed, `waits to start: ${run.job} from the start, as in run ${run.id}${on}`)
}

/** The configuration in force, or for an exact rerun the run's own. */
async function chooseConfig(deps: ApiDeps, run: RunRecord, exact: boolean) {
  const now = await deps.configs.load(deps.configs.current)
  const current = settingsOf(now, run)
  if (!current)
    return refused(`${fullName(run.project, run.job)} ${goneText(now, run)}`, 'Put it back into tidemill.yml, and deploy.')
  if (!exact) return { job: current.job, hash: deps.configs.current }
  if (!run.commit)
    return refused(`Run ${run.id} never had its commit, so it cannot be repeated exactly.`, `tidemill rerun ${run.id}`)
  const own = await deps.configs.load(run.config).catch(() => undefined)
  const settings = own && settingsOf(own, run)
  if (!settings) return refused(`The configuration that run ${run.id} was made with is gone.`, `tidemill rerun ${run.id}`)
  return refuseOtherImage(run, settings.environment.dbt, current.environment.dbt) ?? { job: settings.job, hash: run.config }
}

const goneText = (config: Config, run: RunRecord) =>
  config.jobs[fullName(run.project, run.job)]
    ? `runs in another environment now, and ${run.environment} is gone.`
    : 'is not in the configuration in force any more.'

type Dbt = Config['environments'][string]['dbt']
const nameOf = ({ engine, adapters, image }: Dbt) => image ?? `${engine} with ${adapters.join(', ')}`

/** Tasks start from the deployed image: another dbt than the run had would be no exact repetition. */
function refuseOtherImage(run: RunRecord, then: Dbt, now: Dbt): Refused | undefined {
  if (nameOf(then) === nameOf(now)) return undefined
  return refused(
    `Environment ${run.environment} had ${nameOf(then)} in run ${run.id} and has ${nameOf(now)} now.`,
    `Without the same image: tidemill rerun ${run.id}`,
  )
}
