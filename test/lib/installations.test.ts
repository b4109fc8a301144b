import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Config } from '../../shared/config-model.ts'
import { config, environment } from './fixture.ts'
import { synthesise, type Template } from './synth.ts'

/** Properties that are a physical name in the account or region; CloudFormation makes all others unique by itself. */
const NAMES = ['FunctionName', 'RoleName', 'ManagedPolicyName', 'LogGroupName', 'Family', 'ClusterName', 'AlarmName', 'BucketName', 'TableName', 'TopicName', 'QueueName', 'RepositoryName', 'MetricTransformations', 'Path'] // biome-ignore format: a list

function physicalNames(installation: string, project: string): string[] {
  const base = config({ installation })
  const prod = environment('prod', { project })
  const projects: Config['projects'] = Object.fromEntries(
    Object.values(base.projects).map(each => [project, { ...each, name: project }]),
  )
  const { main, nested } = synthesise({
    ...base,
    projects,
    environments: { [`${project}/prod`]: prod },
    jobs: jobsOf(base, project),
  })
  return [main, ...nested].flatMap(namesOf)
}

const jobsOf = ({ jobs }: Config, project: string): Config['jobs'] =>
  Object.fromEntries(
    Object.values(jobs).map(job => [`${project}/${job.name}`, { ...job, project, environment: 'prod', after: null }]),
  )

const namesOf = ({ resources }: Template) =>
  Object.values(resources).flatMap(({ Type, Properties = {} }) => {
    const names = Type.startsWith('AWS::Scheduler::') ? [...NAMES, 'Name'] : NAMES
    const given = names.map(name => `${Type} ${name} ${JSON.stringify(Properties[name])}`)
    // A reference is not a name, and `/` is the path of everything.
    return given.filter(text => !/ undefined$|"(Ref|Fn::GetAtt)":\[?"(?!AWS::)|Path "\/"$/.test(text))
  })

describe('two installations in one account and region', () => {
  it('share no physical name, also when their names and those of their projects run into each other', () => {
    const first = physicalNames('data', 'ferry-lines')
    const second = physicalNames('data-ferry', 'lines')
    assert.ok(first.length > 25)
    assert.deepEqual(
      first.filter(name => second.includes(name)),
      [],
    )
  })
})
