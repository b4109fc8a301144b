/** A one-off schedule beside a deployed one, with the same target, role and input, so that nobody waits for the night. */
import { signedHeaders } from '../local/aws-json.ts'
import type { LocalCloud } from '../local/cloud.ts'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'
import { scheduleGroup } from '../shared/resource-names.ts'
import { scheduleResourceName } from '../shared/schedule-names.ts'

export async function scheduleOnce(cloud: LocalCloud, installation: string, job: string, at: Date): Promise<void> {
  const group = scheduleGroup(installation)
  const deployed = scheduleResourceName(installation, job, 'default', 0)
  const found = await callScheduler(cloud, 'GET', `/schedules/${deployed}?groupName=${group}`)
  const target = typeof found === 'object' && found !== null ? Reflect.get(found, 'Target') : undefined
  await callScheduler(cloud, 'POST', `/schedules/${installation}.demo`, {
    GroupName: group,
    ScheduleExpression: `at(${at.toISOString().slice(0, 19)})`,
    ScheduleExpressionTimezone: 'UTC',
    FlexibleTimeWindow: { Mode: 'OFF' },
    ActionAfterCompletion: 'DELETE',
    Target: target,
  })
}

async function callScheduler(cloud: LocalCloud, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${cloud.endpoint}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...signedHeaders(cloud, 'scheduler') },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  })
  const text = await response.text()
  if (response.ok) return text === '' ? {} : JSON.parse(text)
  throw new UserError(`The local cloud refused the schedule: ${response.status} ${text.slice(0, 300)}`, {
    hint: `Its log: ${cloud.paths.emulatorLog}`,
    exitCode: EXIT.infrastructure,
  })
}
