import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ENV } from '../../shared/contract.ts'
import { config } from './fixture.ts'
import { find } from './policy.ts'
import { ofType, one, synthesise, type Template } from './synth.ts'

const dispatcher = (template: Template) =>
  find(template, 'AWS::Lambda::Function', /^Functionsdispatcher/).Properties.Environment.Variables
const count = (template: Template, type: RegExp) => Object.values(template.resources).filter(({ Type }) => type.test(Type)).length

describe('new VPC', () => {
  const { main } = synthesise(config())

  it('has public subnets in two zones, an internet gateway and nothing that costs money while idle', () => {
    assert.equal(ofType(main, 'AWS::EC2::Subnet').length, 2)
    assert.equal(ofType(main, 'AWS::EC2::InternetGateway').length, 1)
    assert.equal(count(main, /^AWS::EC2::(NatGateway|EIP)$/), 0)
    for (const { Properties } of ofType(main, 'AWS::EC2::VPCEndpoint')) assert.equal(Properties.VpcEndpointType, 'Gateway')
    assert.equal(ofType(main, 'AWS::EC2::VPCEndpoint').length, 2)
  })

  it('gives a public address to tasks only', () => {
    for (const { Properties } of ofType(main, 'AWS::EC2::Subnet')) assert.equal(Properties.MapPublicIpOnLaunch, false)
    assert.equal(dispatcher(main)[ENV.assignPublicIp], 'ENABLED')
  })

  it('lets nothing in', () => {
    assert.equal(one(main, 'AWS::EC2::SecurityGroup').Properties.SecurityGroupIngress, undefined)
    assert.equal(count(main, /^AWS::EC2::SecurityGroupIngress$/), 0)
  })
})

describe('existing VPC', () => {
  const existing = {
    kind: 'existing',
    vpc: 'vpc-0123456789abcdef0',
    subnets: ['subnet-0123456789abcdef1', 'subnet-0123456789abcdef2'],
    securityGroups: [] as string[],
    publicIp: false,
  } as const

  it('is used by its ids, without a look-up and without a resource in it but a security group', () => {
    const { main, messages } = synthesise(config({ network: { ...existing, subnets: [...existing.subnets] } }))
    assert.deepEqual(messages, [])
    assert.equal(count(main, /^AWS::EC2::/), 1)
    assert.equal(one(main, 'AWS::EC2::SecurityGroup').Properties.VpcId, 'vpc-0123456789abcdef0')
    assert.equal(dispatcher(main)[ENV.subnets], 'subnet-0123456789abcdef1,subnet-0123456789abcdef2')
    assert.equal(dispatcher(main)[ENV.assignPublicIp], 'DISABLED')
  })

  it('takes the security groups that are named', () => {
    const { main } = synthesise(
      config({
        network: {
          ...existing,
          subnets: ['subnet-0123456789abcdef1'],
          securityGroups: ['sg-0123456789abcdef1', 'sg-0123456789abcdef2'],
        },
      }),
    )
    assert.equal(count(main, /^AWS::EC2::/), 0)
    assert.equal(dispatcher(main)[ENV.securityGroups], 'sg-0123456789abcdef1,sg-0123456789abcdef2')
  })
})
