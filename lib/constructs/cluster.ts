import { ArnFormat, Stack } from 'aws-cdk-lib'
import { CfnCluster } from 'aws-cdk-lib/aws-ecs'
import { Construct } from 'constructs'
import { ENV } from '../../shared/contract.ts'
import { taskFamily, taskRolePath } from '../../shared/resource-names.ts'
import { acknowledge } from '../acknowledge.ts'
import type { ServiceFunction } from './function.ts'

const ALL_RUNS = 'The function serves the runs of all environments of this installation, and only of this one.'

/** The ECS cluster: a name and a boundary for permissions, without machines. */
export class Cluster extends Construct {
  readonly clusterArn: string
  private readonly installation: string

  constructor(scope: Construct, id: string, installation: string) {
    super(scope, id)
    this.installation = installation
    const cluster = new CfnCluster(this, 'Cluster', {
      clusterName: installation,
      // The property and not an association resource: enough to run tasks by a capacity provider strategy.
      capacityProviders: ['FARGATE', 'FARGATE_SPOT'],
      clusterSettings: [{ name: 'containerInsights', value: 'disabled' }],
    })
    acknowledge(cluster, {
      'AwsSolutions-ECS4':
        'Container Insights bills metrics of every task; the record of a run has its duration and peak memory.',
    })
    this.clusterArn = cluster.attrArn
  }

  get clusterName(): string {
    return this.installation
  }

  /**
   * Tasks of the installation on its cluster, with its roles. By prefix and path instead of a list: a run that was claimed
   * before its environment was removed still starts, with the task definition and the roles that stayed behind for it.
   */
  grantRun(to: ServiceFunction): void {
    const stack = Stack.of(this)
    const families = stack.formatArn({
      service: 'ecs',
      resource: 'task-definition',
      resourceName: taskFamily(this.installation, '*', '*'),
    })
    const roles = stack.formatArn({
      service: 'iam',
      region: '',
      resource: `role${taskRolePath(this.installation)}*`,
      arnFormat: ArnFormat.NO_RESOURCE_NAME,
    })
    to.allow(['ecs:RunTask'], [families], { because: ALL_RUNS, conditions: { ArnEquals: { 'ecs:cluster': this.clusterArn } } })
    to.allow(['iam:PassRole'], [roles], {
      because: ALL_RUNS,
      conditions: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    })
    to.addEnvironment(ENV.cluster, this.clusterName)
  }

  grantStop(to: ServiceFunction): void {
    this.allowTasks(to, ['ecs:StopTask'])
  }

  grantWatch(to: ServiceFunction): void {
    this.allowTasks(to, ['ecs:DescribeTasks'])
    to.allow(['ecs:ListTasks'], ['*'], {
      because: 'ListTasks knows no resource; the condition keeps it to the cluster.',
      conditions: { ArnEquals: { 'ecs:cluster': this.clusterArn } },
    })
  }

  private allowTasks(to: ServiceFunction, actions: string[]): void {
    const tasks = Stack.of(this).formatArn({ service: 'ecs', resource: 'task', resourceName: `${this.clusterName}/*` })
    to.allow(actions, [tasks], { because: ALL_RUNS })
    to.addEnvironment(ENV.cluster, this.clusterName)
  }
}
