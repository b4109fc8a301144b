import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NAME_LIMIT } from '../../shared/config-values.ts'
import { logGroup, taskFamily } from '../../shared/resource-names.ts'
import { scheduleResourceName } from '../../shared/schedule-names.ts'
import { good, yaml } from './config-helper.ts'

test('the longest names fit the limits of AWS', () => {
  const { installation, project, environment, job: jobName, schedule } = NAME_LIMIT
  assert.ok(taskFamily('i'.repeat(installation), 'p'.repeat(project), 'e'.repeat(environment)).length <= 255, 'ECS: family')
  assert.ok(
    logGroup('i'.repeat(installation), 'p'.repeat(project), 'e'.repeat(environment)).length <= 512,
    'CloudWatch: log group',
  )
  assert.ok(
    scheduleResourceName('i'.repeat(installation), `${'p'.repeat(project)}/${'j'.repeat(jobName)}`, 's'.repeat(schedule), 9)
      .length <= 64,
    'EventBridge: schedule',
  )
})

test('a thousand jobs are read in seconds', { timeout: 20_000 }, () => {
  const jobs = Array.from(
    { length: 1000 },
    (_, i) =>
      `  job_${i}:\n    environment: prod\n    schedule: { cron: "${i % 60} ${i % 24} * * *", timezone: Europe/Berlin }\n    steps: [dbt build --select tag:t${i}]\n${i ? `    after: { job: job_${i - 1} }\n` : ''}`,
  )
  const started = performance.now()
  const { config } = good(yaml({ jobs: jobs.join('') }))
  assert.equal(Object.keys(config.jobs).length, 1000)
  assert.ok(performance.now() - started < 10_000)
})
