import type { Config, JobConfig } from '../shared/config-model.ts'
import { fullName } from '../shared/contract.ts'
import { UserError } from '../shared/errors.ts'
import { taskCost } from '../shared/fargate.ts'
import { formatMoney, plural } from '../shared/format.ts'
import { idleMonth, priceOfUse, SERVICE_PRICES, useOfRun } from '../shared/machinery-cost.ts'
import { firings } from '../shared/schedule.ts'
import { type Command, type Context, flagOption, type Input, type Outcome, textOption } from './command.ts'
import { readConfig } from './config-load.ts'
import { formatTable } from './table.ts'

export const costCommand: Command = {
  usage: 'cost',
  summary: 'what tidemill.yml will cost in AWS, about: idle, each run, each job in a month',
  options: [
    { flags: '--estimate', text: 'from list prices and the schedules (the only way there is)' },
    { flags: '--minutes <number>', text: 'a run takes so long (default: 10)' },
    { flags: '--log-mb <number>', text: 'a run writes so much log (default: 0.5)' },
  ],
  examples: ['tidemill cost --estimate', 'tidemill cost --estimate --minutes 30'],
  run: estimate,
}

const MONTH_DAYS = 30

interface JobCost {
  job: string
  runs: number
  /** USD a run: container, and what is around it. */
  container: number
  machinery: number
  month: number
}

async function estimate(context: Context, input: Input): Promise<Outcome> {
  if (!flagOption(input, 'estimate'))
    throw new UserError('Only estimates can be given.', {
      hint: 'tidemill cost --estimate. What a run has cost is in its message.',
    })
  const minutes = positive(textOption(input, 'minutes') ?? '10', '--minutes')
  const logMb = positive(textOption(input, 'logMb') ?? '0.5', '--log-mb')
  const config = await readConfig(context)
  const now = context.effects.clock.now()
  const jobs = Object.values(config.jobs).map(job => costOfJob(config, job, { seconds: minutes * 60, logMb }, now))
  const idle = idleMonth()
  const idleSum = idle.reduce((sum, each) => sum + each.usd, 0)
  const total = idleSum + jobs.reduce((sum, job) => sum + job.month, 0)
  return {
    document: { region: SERVICE_PRICES.region, minutes, logMb, idle, idleMonth: idleSum, jobs, month: total },
    lines: [
      `List prices of ${SERVICE_PRICES.region} without any free tier, USD, about. A run is taken to last ${minutes} min with ${logMb} MB of log.`,
      '',
      'Nothing runs, a month:',
      ...idle.map(({ what, usd }) => `  ${formatMoney(usd).padStart(10)}  ${what}`),
      `  ${formatMoney(idleSum).padStart(10)}  in all, beside your secrets and what is stored`,
      '',
      ...jobTable(context, jobs),
      '',
      `${formatMoney(total)} a month in all.`,
    ],
  }
}

function costOfJob(config: Config, job: JobConfig, run: { seconds: number; logMb: number }, now: Date): JobCost {
  const environment = config.environments[fullName(job.project, job.environment)]
  if (!environment) throw new Error(`job ${job.name} has no environment`)
  const { cpu, memory, architecture, disk } = environment.size
  const publicIp = config.network.kind === 'new' || config.network.publicIp
  const container = taskCost({ cpu, memory, architecture, disk, seconds: run.seconds, publicIp })
  const machinery = priceOfUse(useOfRun(run))
  const runs = runsOfMonth(job, now)
  return { job: fullName(job.project, job.name), runs, container, machinery, month: runs * (container + machinery) }
}

/** By its schedules. What another job or an event starts is not known beforehand. */
function runsOfMonth(job: JobConfig, now: Date): number {
  const until = new Date(now.getTime() + MONTH_DAYS * 86_400_000)
  const times = job.schedules
    .filter(schedule => schedule.enabled)
    .flatMap(schedule => firings(schedule.cron, schedule.timezone, now, { until }).map(firing => firing.at.getTime()))
  return times.length
}

function jobTable({ effects }: Context, jobs: JobCost[]): string[] {
  const rows = jobs.map(job => [
    { text: '' },
    { text: job.job },
    { text: job.runs ? plural(job.runs, 'run') : 'not by a schedule' },
    { text: formatMoney(job.container) },
    { text: job.machinery.toFixed(4) },
    { text: formatMoney(job.month) },
  ])
  const columns = [
    { title: '' },
    { title: 'JOB', shrinkTo: 16 },
    { title: `IN ${MONTH_DAYS} DAYS` },
    { title: 'CONTAINER A RUN', align: 'right' as const },
    { title: 'REST A RUN', align: 'right' as const },
    { title: 'A MONTH', align: 'right' as const },
  ]
  return formatTable(columns, rows, effects.stdout.columns)
}

function positive(text: string, option: string): number {
  const value = Number(text)
  if (text.trim() && Number.isFinite(value) && value > 0 && value < 100_000) return value
  throw new UserError(`${option} "${text}" is not a number above 0.`)
}
