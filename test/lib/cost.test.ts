import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MACHINERY } from '../../shared/machinery-cost.ts'
import { config } from './fixture.ts'
import { find } from './policy.ts'
import { synthesise } from './synth.ts'

/** What costs by the hour or the month, whether it is used or not. */
const BILLED_IDLE = [
  'AWS::EC2::NatGateway',
  'AWS::EC2::EIP',
  'AWS::ElasticLoadBalancingV2::LoadBalancer',
  'AWS::KMS::Key',
  'AWS::RDS::DBInstance',
  'AWS::SecretsManager::Secret',
  'AWS::Lambda::ProvisionedConcurrencyConfig',
]

test('the template has what the price of an idle month counts, and nothing else that is billed while nothing runs', () => {
  const { main, nested } = synthesise(config())
  const resources = [main, ...nested].flatMap(template => Object.values(template.resources))
  const of = (type: string) => resources.filter(resource => resource.Type === type)
  assert.equal(of('AWS::CloudWatch::Alarm').length, MACHINERY.alarms)
  for (const alarm of of('AWS::CloudWatch::Alarm'))
    assert.equal(alarm.Properties.Metrics, undefined, 'an alarm on several metrics is billed for each')
  // It is billed only for months in which a message failed: nothing is written while all is well.
  for (const filter of of('AWS::Logs::MetricFilter'))
    assert.equal(filter.Properties.MetricTransformations[0].DefaultValue, undefined)
  for (const type of BILLED_IDLE) assert.equal(of(type).length, 0, type)
  for (const endpoint of of('AWS::EC2::VPCEndpoint')) assert.equal(endpoint.Properties.VpcEndpointType, 'Gateway')
  const schedules = of('AWS::Scheduler::Schedule').map(each => each.Properties.ScheduleExpression)
  assert.deepEqual(
    schedules.filter(expression => expression.includes('/')),
    [`cron(0/${MACHINERY.sweepMinutes} * * * ? *)`],
  )
  assert.equal(find(main, 'AWS::Lambda::Function', /^Functionssweeper/).Properties.MemorySize, MACHINERY.sweeperMb)
  assert.equal(find(main, 'AWS::Lambda::Function', /^Functionscompactor/).Properties.MemorySize, MACHINERY.compactorMb)
})
