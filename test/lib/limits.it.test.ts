import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { config, job } from './fixture.ts'
import { synthesise } from './synth.ts'

/** CloudFormation: at most 500 resources in a stack and 1 MB in a template. */
const LIMIT = { resources: 500, bytes: 1_000_000 }

describe('size of an installation', () => {
  it('1,000 jobs are synthesised in less than 60 s, every template inside the limits of CloudFormation', {
    timeout: 120_000,
  }, t => {
    const jobs = Object.fromEntries(
      Array.from({ length: 1000 }, (_, index) => {
        const each = job(`job_with_a_name_of_usual_length_${index}`)
        return [`${each.project}/${each.name}`, each]
      }),
    )
    const start = performance.now()
    const { main, nested } = synthesise(config({ jobs }))
    const seconds = (performance.now() - start) / 1000
    assert.ok(seconds < 60, `${seconds} s`)
    for (const { file, bytes, resources } of [main, ...nested]) {
      const count = Object.keys(resources).length
      assert.ok(count < LIMIT.resources, `${file}: ${count} resources`)
      assert.ok(bytes < LIMIT.bytes, `${file}: ${bytes} bytes`)
    }
    const schedules = nested
      .flatMap(({ resources }) => Object.values(resources))
      .filter(({ Type }) => Type === 'AWS::Scheduler::Schedule')
    assert.equal(schedules.length, 1000)
    t.diagnostic(
      `${seconds.toFixed(1)} s, largest nested stack ${Math.max(...nested.map(({ resources }) => Object.keys(resources).length))} resources`,
    )
  })

  it('the installation of one environment and four jobs has less than 80 resources', t => {
    const { environments, jobs } = config()
    const prod = environments['ferry/prod']
    assert.ok(prod)
    const four = Object.fromEntries(Object.entries(jobs).map(([name, each]) => [name, { ...each, environment: 'prod' }]))
    const { main, nested } = synthesise(config({ environments: { 'ferry/prod': prod }, jobs: four }), {
      imageRepository: 'tidemill.local/runner',
    })
    const count = [main, ...nested].flatMap(({ resources }) => Object.values(resources)).length
    t.diagnostic(`${count} resources`)
    assert.ok(count < 80, `${count} resources`)
  })
})
