import { ArnFormat, Duration, Stack } from 'aws-cdk-lib'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { channelSecrets } from '../../shared/channel-secrets.ts'
import type { Config } from '../../shared/config-model.ts'
import { needsWebhook, webhookSecrets } from '../../shared/config-trigger.ts'
import { ENV } from '../../shared/contract.ts'
import { eventSource, type FunctionName, logGroup } from '../../shared/resource-names.ts'
import type { Cluster } from './cluster.ts'
import type { ConfigObject } from './config-object.ts'
import type { Data } from './data.ts'
import type { DeadLetters } from './dead-letters.ts'
import { ServiceFunction } from './function.ts'
import type { Network } from './network.ts'
import { secretResource } from './secret.ts'
import type { Messages } from './topic.ts'

export interface FunctionsProps {
  readonly config: Config
  readonly code: string
  readonly logRetention: RetentionDays
  readonly data: Data
  readonly configObject: ConfigObject
  readonly cluster: Cluster
  readonly network: Network
  readonly deadLetters: DeadLetters
  readonly messages: Messages
  readonly consoleUrl: string
}

/** The functions of the service; the webhook only where a job waits for a call from outside. What each may do is what the head of its handler lists. */
export class Functions extends Construct {
  readonly launcher: ServiceFunction
  readonly dispatcher: ServiceFunction
  readonly finisher: ServiceFunction
  readonly notifier: ServiceFunction
  readonly compactor: ServiceFunction
  readonly sweeper: ServiceFunction
  readonly api: ServiceFunction
  readonly webhook: ServiceFunction | undefined
  private readonly props: FunctionsProps

  constructor(scope: Construct, id: string, props: FunctionsProps) {
    super(scope, id)
    this.props = props
    this.launcher = this.makeLauncher()
    this.dispatcher = this.makeDispatcher()
    this.finisher = this.makeFinisher()
    this.notifier = this.makeNotifier()
    this.compactor = this.makeCompactor()
    this.sweeper = this.makeSweeper()
    this.api = this.makeApi()
    this.webhook = needsWebhook(props.config) ? this.makeWebhook() : undefined
    for (const each of this.all) props.configObject.grantRead(each)
  }

  get all(): ServiceFunction[] {
    const always = [this.launcher, this.dispatcher, this.finisher, this.notifier, this.compactor, this.sweeper, this.api]
    return this.webhook ? [...always, this.webhook] : always
  }

  private makeLauncher(): ServiceFunction {
    const launcher = this.make('launcher', 'Claims a run when a schedule fires', {
      seconds: 30,
      memory: 512,
      eventAge: Duration.hours(6),
    })
    this.props.data.grantTable(launcher, ['GetItem', 'PutItem', 'UpdateItem'])
    launcher.allowCall('dispatcher', ENV.dispatcher)
    launcher.allowCall('finisher', ENV.finisher)
    return launcher
  }

  private makeDispatcher(): ServiceFunction {
    const { data, cluster, network } = this.props
    // What a lost call would have started, the sweeper has started by then.
    const dispatcher = this.make('dispatcher', 'Starts the tasks of waiting runs', {
      seconds: 300,
      memory: 512,
      eventAge: Duration.minutes(10),
    })
    data.grantTable(
      dispatcher,
      ['GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'],
      ['open'],
    )
    data.grantWrite(dispatcher, ['plans'])
    cluster.grantRun(dispatcher)
    cluster.grantStop(dispatcher)
    network.tell(dispatcher)
    dispatcher.allowCall('finisher', ENV.finisher)
    // The next one goes on when the time of this one is over.
    dispatcher.allowCall('dispatcher', ENV.dispatcher)
    return dispatcher
  }

  private makeFinisher(): ServiceFunction {
    const finisher = this.make('finisher', 'Ends runs and does what follows', {
      seconds: 300,
      memory: 1024,
      eventAge: Duration.hours(6),
    })
    this.allowEnding(finisher)
    // The newest runs of a job say how much memory it needs.
    this.props.data.grantTable(finisher, ['GetItem'], ['job'])
    return finisher
  }

  private makeNotifier(): ServiceFunction {
    const { config, data, messages, consoleUrl } = this.props
    const notifier = this.make('notifier', 'Delivers messages', { seconds: 120, memory: 512, eventAge: Duration.hours(1) })
    data.grantTable(notifier, ['GetItem', 'BatchGetItem', 'UpdateItem'], ['open', 'job'])
    messages.grantPublish(notifier)
    if (consoleUrl) notifier.addEnvironment(ENV.consoleUrl, consoleUrl)
    const secrets = channelSecrets(config.channels).map(ref => secretResource(this, ref))
    if (secrets.length) notifier.allow(['secretsmanager:GetSecretValue'], secrets)
    if (config.channels.events) {
      const bus = Stack.of(this).formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' })
      const conditions = { StringEquals: { 'events:source': eventSource(config.installation) } }
      notifier.allow(['events:PutEvents'], [bus], { conditions })
    }
    return notifier
  }

  private makeCompactor(): ServiceFunction {
    const { data } = this.props
    // What a lost call would have done, the next one does.
    const compactor = this.make('compactor', 'Keeps the index of the history and compacts its files', {
      seconds: 600,
      memory: 1536,
      eventAge: Duration.hours(6),
    })
    data.grantTable(compactor, ['GetItem', 'BatchGetItem', 'UpdateItem', 'DeleteItem'], ['day'])
    data.grantRead(compactor, ['runs', 'history', 'docs', 'state'])
    // Into `runs`: what a rebuild writes anew.
    data.grantWrite(compactor, ['runs', 'history'])
    // Of an environment that is gone its caches too.
    data.grantRemove(compactor, ['history', 'docs', 'state', 'cache'])
    data.grantList(compactor)
    compactor.allowCall('compactor', ENV.compactor)
    return compactor
  }

  private makeSweeper(): ServiceFunction {
    const { cluster, data, deadLetters } = this.props
    const sweeper = this.make('sweeper', 'Finds what is missing and repairs it', {
      seconds: 280,
      memory: 1024,
      eventAge: Duration.minutes(5),
    })
    this.allowEnding(sweeper)
    // A place is given back if its run is over; deployments are listed by job.
    data.grantTable(sweeper, ['ConditionCheckItem'], ['job'])
    cluster.grantWatch(sweeper)
    cluster.grantStop(sweeper)
    deadLetters.grantDrain(sweeper)
    return sweeper
  }

  private makeApi(): ServiceFunction {
    const { data, cluster } = this.props
    const api = this.make('api', 'Operations of people and programs', { seconds: 30, memory: 512 })
    data.grantTable(api, ['GetItem', 'PutItem', 'UpdateItem'], ['open'])
    cluster.grantStop(api)
    api.allowCall('dispatcher', ENV.dispatcher)
    api.allowCall('finisher', ENV.finisher)
    api.allowCall('notifier', ENV.notifier)
    api.allowCall('compactor', ENV.compactor)
    return api
  }

  /** Open to the world: it checks signatures and calls the launcher, and can do nothing else. */
  private makeWebhook(): ServiceFunction {
    const webhook = this.make('webhook', 'Takes signed pushes and requests from outside', { seconds: 10, memory: 256 })
    const secrets = webhookSecrets(this.props.config).map(each => secretResource(this, each))
    webhook.allow(['secretsmanager:GetSecretValue'], [...new Set(secrets)].sort())
    webhook.allowCall('launcher', ENV.launcher)
    return webhook
  }

  /** What it takes to end a run: the record, its artifacts, the end of its log, and what starts next. */
  private allowEnding(to: ServiceFunction): void {
    const { config, data } = this.props
    data.grantTable(to, ['GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem', 'DeleteItem'], ['open'])
    data.grantRead(to, ['runs', 'docs', 'state'])
    // Into `plans`: what is done, for the next attempt. The task itself can only read there.
    data.grantWrite(to, ['plans', 'runs', 'docs', 'state', 'history'])
    data.grantList(to)
    const groups = Stack.of(this).formatArn({
      service: 'logs',
      resource: 'log-group',
      resourceName: `${logGroup(config.installation, '*', '*')}:log-stream:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    })
    to.allow(['logs:GetLogEvents'], [groups], {
      because: 'It brings the end of the log of a task of any environment of this installation.',
    })
    to.allowCall('dispatcher', ENV.dispatcher)
    to.allowCall('notifier', ENV.notifier)
    to.allowCall('compactor', ENV.compactor)
  }

  private make(
    name: FunctionName,
    description: string,
    size: { seconds: number; memory: number; eventAge?: Duration },
  ): ServiceFunction {
    const { config, code, logRetention, deadLetters } = this.props
    return new ServiceFunction(this, name, {
      installation: config.installation,
      name,
      description: `Tidemill ${config.installation}: ${description}`,
      code,
      logRetention,
      timeout: Duration.seconds(size.seconds),
      memory: size.memory,
      ...(size.eventAge && { asynchronous: { maxEventAge: size.eventAge, deadLetters: deadLetters.queue } }),
    })
  }
}
