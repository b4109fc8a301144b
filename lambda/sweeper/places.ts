/** Places in jobs and environments that belong to runs which are over, or gone: nobody gives them back any more. */
import type { Config } from '../../shared/config-model.ts'
import { fullName, OPEN_PHASE, parseWaiting } from '../../shared/contract.ts'
import { isFinal } from '../../shared/run.ts'
import type { Configs } from '../common/config.ts'
import type { Log } from '../common/log.ts'
import type { Store } from '../common/store.ts'

export interface PlaceDeps {
  store: Pick<Store, 'runs' | 'job' | 'environment' | 'freePlaces'>
  configs: Configs
  log: Log
}

/** A place is given back with the end of its run, in one transaction; only where somebody waits for one it is worth a look. */
export async function freePlaces(deps: PlaceDeps, open: Store['open'], goOn: () => boolean): Promise<number> {
  const waiting = await open(OPEN_PHASE.waiting)
  const jobs = [...new Set(waiting.flatMap(entry => parseWaiting(entry.sort)?.job ?? []))]
  const config = await deps.configs.load(deps.configs.current)
  let count = 0
  for (const name of jobs) {
    if (!goOn()) break
    const environment = environmentOf(config, name)
    if (environment === undefined) continue
    const [job, ofEnvironment] = await Promise.all([deps.store.job(name), deps.store.environment(environment)])
    const holders = [...new Set([...job.running, ...ofEnvironment.running])]
    const going = new Set((await deps.store.runs(holders)).filter(run => !isFinal(run.status)).map(run => run.id))
    for (const id of holders.filter(each => !going.has(each))) {
      if (!(await deps.store.freePlaces(id, { job: name, environment }))) continue
      deps.log('place of a run that is over given back', { runId: id, job: name, environment })
      count++
    }
  }
  return count
}

/** Full name. */
function environmentOf(config: Config, job: string): string | undefined {
  const found = config.jobs[job]
  return found && fullName(found.project, found.environment)
}
