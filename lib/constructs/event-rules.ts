import { NestedStack, Stack } from 'aws-cdk-lib'
import { CfnRule } from 'aws-cdk-lib/aws-events'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { CfnPermission } from 'aws-cdk-lib/aws-lambda'
import { Construct } from 'constructs'
import type { Config, JobConfig, TriggerConfig } from '../../shared/config-model.ts'
import { tellsByEvent } from '../../shared/config-trigger.ts'
import { fullName } from '../../shared/contract.ts'
import type { CodeCommitInput, EventInput } from '../../shared/launch-input.ts'
import { ruleName } from '../../shared/schedule-names.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { ServiceFunction } from './function.ts'

export interface EventRulesProps {
  readonly config: Config
  readonly launcher: ServiceFunction
  readonly deadLetters: DeadLetters
}

interface Entry {
  readonly name: string
  readonly bus: string
  readonly pattern: Record<string, unknown>
  /** Without the event, which the rule puts in. */
  readonly input: Omit<EventInput, 'event'> | Omit<CodeCommitInput, 'event'>
}

/** EventBridge keeps trying so long, with longer and longer waits, before an event becomes a dead letter. */
const RETRY = { maximumRetryAttempts: 185, maximumEventAgeInSeconds: 86_400 }

/**
 * A rule for each event that a job waits for, in a nested stack of their own, and nothing where no job does. One permission
 * for all rules of a bus: the policy of a function holds about 60 statements, and a bus 300 rules.
 */
export class EventRules extends Construct {
  constructor(scope: Construct, id: string, { config, launcher, deadLetters }: EventRulesProps) {
    super(scope, id)
    const entries = Object.values(config.jobs).flatMap(job => (job.triggers ?? []).flatMap(each => entryOf(config, job, each)))
    if (entries.length === 0) return
    const arnsOf = (bus: string) => ruleArn(this, bus, `${config.installation}.*`)
    const buses = [...new Set(entries.map(entry => entry.bus))].sort()
    for (const bus of buses)
      new CfnPermission(this, `Invoke.${bus.replaceAll('/', '-')}`, {
        action: 'lambda:InvokeFunction',
        functionName: launcher.functionArn,
        principal: 'events.amazonaws.com',
        sourceArn: arnsOf(bus),
      })
    deadLetters.queue.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('events.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [deadLetters.queue.queueArn],
        conditions: { ArnLike: { 'aws:SourceArn': buses.map(arnsOf) } },
      }),
    )
    const stack = new NestedStack(this, 'Rules', { description: `Tidemill ${config.installation}: events that jobs wait for` })
    for (const entry of entries) makeRule(stack, entry, launcher.functionArn, deadLetters.queue.queueArn)
  }
}

function entryOf(config: Config, job: JobConfig, trigger: TriggerConfig): Entry[] {
  const full = fullName(job.project, job.name)
  const name = ruleName(config.installation, full, trigger.name)
  if (trigger.kind === 'event')
    return [{ name, bus: trigger.bus, pattern: trigger.pattern, input: { kind: 'event', job: full, trigger: trigger.name } }]
  const project = config.projects[job.project]
  const branch = config.environments[fullName(job.project, job.environment)]?.branch
  if (trigger.kind !== 'commit' || !project || !tellsByEvent(project) || branch === undefined) return []
  const pattern = pushPattern(repositoryName(project.repository), branch)
  return [{ name, bus: 'default', pattern, input: { kind: 'codecommit', job: full } }]
}

/** `codecommit::region://name` */
const repositoryName = (address: string) => address.split('://').at(-1) ?? ''

const pushPattern = (repository: string, branch: string) => ({
  source: ['aws.codecommit'],
  'detail-type': ['CodeCommit Repository State Change'],
  detail: {
    event: ['referenceCreated', 'referenceUpdated'],
    repositoryName: [repository],
    referenceType: ['branch'],
    referenceName: [branch],
  },
})

function makeRule(scope: NestedStack, { name, bus, pattern, input }: Entry, functionArn: string, deadLettersArn: string): void {
  const { kind, job } = input
  new CfnRule(scope, name, {
    name,
    description: `${job}: ${kind === 'event' ? `event ${input.trigger}` : 'commit'}`,
    ...(bus !== 'default' && { eventBusName: bus }),
    eventPattern: pattern,
    targets: [
      {
        id: 'launcher',
        arn: functionArn,
        inputTransformer: { inputTemplate: templateOf(input) },
        retryPolicy: RETRY,
        deadLetterConfig: { arn: deadLettersArn },
      },
    ],
  })
}

/** The whole event goes in as JSON: EventBridge takes this name only as the value of a field. */
const templateOf = (input: Entry['input']) =>
  JSON.stringify({ ...input, event: '<event>' }).replace('"<event>"', '<aws.events.event.json>')

function ruleArn(scope: Construct, bus: string, name: string): string {
  const resourceName = bus === 'default' ? name : `${bus}/${name}`
  return Stack.of(scope).formatArn({ service: 'events', resource: 'rule', resourceName })
}
