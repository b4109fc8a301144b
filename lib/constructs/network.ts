import { CfnSecurityGroup, GatewayVpcEndpointAwsService, IpAddresses, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2'
import { Construct } from 'constructs'
import type { Config } from '../../shared/config-model.ts'
import { ENV } from '../../shared/contract.ts'
import { acknowledge } from '../acknowledge.ts'
import type { ServiceFunction } from './function.ts'

/**
 * Where tasks run: public subnets of a VPC of its own (no NAT gateway, which costs 33 USD a month idle; nothing can
 * connect to a task), or subnets of an existing VPC, by their ids and without look-ups.
 */
export class Network extends Construct {
  private readonly subnets: string[]
  private readonly securityGroups: string[]
  private readonly publicIp: boolean

  constructor(scope: Construct, id: string, network: Config['network']) {
    super(scope, id)
    if (network.kind === 'new') {
      const vpc = this.makeVpc()
      this.subnets = vpc.publicSubnets.map(subnet => subnet.subnetId)
      this.securityGroups = [this.makeSecurityGroup(vpc.vpcId)]
      this.publicIp = true
    } else {
      this.subnets = network.subnets
      this.securityGroups = network.securityGroups.length > 0 ? network.securityGroups : [this.makeSecurityGroup(network.vpc)]
      this.publicIp = network.publicIp
    }
  }

  /** Tells where to run tasks; RunTask needs no permission for it. */
  tell(to: ServiceFunction): void {
    to.addEnvironment(ENV.subnets, this.subnets.join(','))
    to.addEnvironment(ENV.securityGroups, this.securityGroups.join(','))
    to.addEnvironment(ENV.assignPublicIp, this.publicIp ? 'ENABLED' : 'DISABLED')
  }

  private makeVpc(): Vpc {
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr('10.0.0.0/16'),
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'public', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: false }],
      // Nothing is started in the default security group; emptying it takes a custom resource with rights on EC2.
      restrictDefaultSecurityGroup: false,
      // Free, and the way of logs and artifacts: they never leave the network of AWS.
      gatewayEndpoints: {
        S3: { service: GatewayVpcEndpointAwsService.S3 },
        DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
      },
    })
    acknowledge(vpc, {
      'AwsSolutions-VPC7':
        'Nothing can connect to a task, and every flow would be billed; flow logs can be put on the VPC where an audit asks for them.',
    })
    return vpc
  }

  private makeSecurityGroup(vpcId: string): string {
    const group = new CfnSecurityGroup(this, 'SecurityGroup', {
      groupDescription: 'Tidemill tasks: out to git, package hosts and warehouse; nothing comes in',
      vpcId,
      securityGroupEgress: [{ ipProtocol: '-1', cidrIp: '0.0.0.0/0', description: 'git, package hosts, warehouse, AWS' }],
    })
    return group.attrGroupId
  }
}
