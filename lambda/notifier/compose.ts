/** Gathers what a message says: the run as the table has it, its job as it was configured, what is usual. */
import type { Config } from '../../shared/config-model.ts'
import { fullName } from '../../shared/contract.ts'
import { estimateCost } from '../../shared/cost.ts'
import { type Message, type MessageLink, makeMessage } from '../../shared/message.ts'
import { PAGE_LINK } from '../../shared/message-commands.ts'
import { makeTestMessage } from '../../shared/message-test.ts'
import { hostedPage, runRoute } from '../../shared/page-api.ts'
import { logGroup, logStream } from '../../shared/resource-names.ts'
import type { RunRecord } from '../../shared/run.ts'
import { usualSeconds } from '../../shared/usual.ts'
import type { Configs } from '../common/config.ts'
import type { Log } from '../common/log.ts'
import type { MessageItem } from '../common/message-item.ts'
import type { Store } from '../common/store.ts'

export interface ComposeDeps {
  store: Pick<Store, 'run'>
  configs: Pick<Configs, 'load'>
  installation: string
  /** The job's runs before this one, newest first. */
  runsBefore(job: string, id: string): Promise<RunRecord[]>
  /** Address of the AWS console; undefined: no links into it. */
  consoleUrl: string | undefined
  log: Log
}

export async function composeMessage(deps: ComposeDeps, item: MessageItem): Promise<Message> {
  const { kind, channel, target } = item
  if (kind === 'test')
    return makeTestMessage({ id: item.runId, installation: deps.installation, channel, target, actor: item.actor ?? 'somebody' })
  const record = await deps.store.run(item.runId)
  if (!record) throw new Error(`run ${item.runId} is not in the table`)
  const config = await deps.configs.load(record.config)
  const name = fullName(record.project, record.job)
  const job = config.jobs[name]
  const environment = config.environments[fullName(record.project, record.environment)]
  if (!job || !environment) throw new Error(`${name} is not in configuration ${record.config}`)
  return makeMessage({
    kind,
    record: { ...record, ...(item.streak && { streak: item.streak }) },
    job,
    jobName: shortestName(config, name),
    usualSeconds: await usualOf(deps, name, record),
    cost: estimateCost(record, environment.size),
    links: [...pageLink(config, record), ...logLink(deps.consoleUrl, config.installation, record)],
    ...(item.nodes && { nodes: item.nodes }),
    ...(item.late && { late: item.late }),
  })
}

/** The short name where only one project has it, as the command line takes it. */
function shortestName(config: Config, name: string): string {
  const short = name.slice(name.indexOf('/') + 1)
  return Object.values(config.jobs).filter(job => job.name === short).length === 1 ? short : name
}

/** Nice to have: without it the message goes out all the same. */
async function usualOf(deps: ComposeDeps, job: string, record: RunRecord): Promise<number | undefined> {
  if (!record.startedAt) return undefined
  try {
    return usualSeconds(await deps.runsBefore(job, record.id))
  } catch (error) {
    deps.log('usual duration is not known', { runId: record.id, error })
    return undefined
  }
}

function pageLink(config: Config, { id }: RunRecord): MessageLink[] {
  const url = hostedPage(config, runRoute(id))
  return url ? [{ label: PAGE_LINK, url }] : []
}

function logLink(consoleUrl: string | undefined, installation: string, record: RunRecord): MessageLink[] {
  const taskArn = record.attempts.findLast(attempt => attempt.taskArn)?.taskArn
  if (!consoleUrl || !taskArn) return []
  // The console wants names encoded twice, with $ in place of %.
  const part = (name: string) => encodeURIComponent(encodeURIComponent(name)).replaceAll('%', '$')
  const group = part(logGroup(installation, record.project, record.environment))
  const region = taskArn.split(':')[3]
  const path = `/cloudwatch/home?region=${region}#logsV2:log-groups/log-group/${group}/log-events/${part(logStream(taskArn))}`
  return [{ label: 'Log', url: consoleUrl + path }]
}
