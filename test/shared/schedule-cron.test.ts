import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../../shared/refusal.ts'
import { deployCron } from '../../shared/schedule.ts'

function deployed(cron: string): string[] {
  const result = deployCron(cron)
  assert.ok(!isRefusal(result), JSON.stringify(result))
  return result.expressions
}

function refused(cron: string): string {
  const result = deployCron(cron)
  assert.ok(isRefusal(result), `${cron} is accepted`)
  return result.refused
}

test('five fields become EventBridge’s six, Sunday 0 and 7 become its 1', () => {
  const table: [string, string][] = [
    ['0 2 * * *', 'cron(0 2 * * ? *)'],
    ['* * * * *', 'cron(* * * * ? *)'],
    ['*/15 * * * *', 'cron(0/15 * * * ? *)'],
    ['0/30 6-20 * * *', 'cron(0,30 6-20 * * ? *)'],
    ['5/20 * * * *', 'cron(5/20 * * * ? *)'],
    ['0 */6 * * *', 'cron(0 0/6 * * ? *)'],
    ['0 9-17/4 * * *', 'cron(0 9,13,17 * * ? *)'],
    ['0 0 1 */3 *', 'cron(0 0 1 1/3 ? *)'],
    ['0 0 1,15 JAN-MAR,dec *', 'cron(0 0 1,15 1,2,3,12 ? *)'],
    ['30 6 * * 1-5', 'cron(30 6 ? * MON-FRI *)'],
    ['30 6 * * mon,WED', 'cron(30 6 ? * MON,WED *)'],
    ['0 4 * * 0', 'cron(0 4 ? * SUN *)'],
    ['0 4 * * 7', 'cron(0 4 ? * SUN *)'],
    ['0 4 * * SAT-SUN', 'cron(0 4 ? * SUN,SAT *)'],
    ['0 4 * * 5-7', 'cron(0 4 ? * SUN,FRI,SAT *)'],
    ['0 4 * * 0-7', 'cron(0 4 * * ? *)'],
    ['0 4 ? * MON', 'cron(0 4 ? * MON *)'],
    ['0 4 L * *', 'cron(0 4 L * ? *)'],
    ['0 4 15W * *', 'cron(0 4 15W * ? *)'],
    ['0 4 * * 5L', 'cron(0 4 ? * 6L *)'],
    ['0 4 * * FRIL', 'cron(0 4 ? * 6L *)'],
    ['0 4 * * 0#1', 'cron(0 4 ? * 1#1 *)'],
    ['0 4 * * MON#2', 'cron(0 4 ? * 2#2 *)'],
    ['@daily', 'cron(0 0 * * ? *)'],
    ['@weekly', 'cron(0 0 ? * SUN *)'],
    ['@yearly', 'cron(0 0 1 1 ? *)'],
  ]
  for (const [cron, expression] of table) assert.deepEqual(deployed(cron), [expression], cron)
})

test('what EventBridge cannot say in one expression becomes several', () => {
  assert.deepEqual(deployed('0 4 1 * MON'), ['cron(0 4 1 * ? *)', 'cron(0 4 ? * MON *)'])
  assert.deepEqual(deployed('0 4 1,15,L * *'), ['cron(0 4 1,15 * ? *)', 'cron(0 4 L * ? *)'])
  assert.deepEqual(deployed('0 4 * * MON#1,MON#3'), ['cron(0 4 ? * 2#1 *)', 'cron(0 4 ? * 2#3 *)'])
  assert.deepEqual(deployed('0 4 1 * 0-6'), ['cron(0 4 * * ? *)'])
})

test('what cannot be said at all is refused by name', () => {
  const table: [string, RegExp][] = [
    ['', /needs five fields .* got 0/],
    ['0 0 2 * * *', /needs five fields .* got 6; EventBridge knows no seconds, and a year cannot be given/],
    ['cron(0 2 * * ? *)', /is EventBridge’s form; write five fields/],
    ['rate(1 hour)', /`every: 1h`/],
    ['@reboot', /is not a shorthand of cron; known: @hourly, @daily/],
    ['H 2 * * *', /H \(a random minute\) is unknown to EventBridge/],
    ['0~59 2 * * *', /~ \(a random minute\)/],
    ['60 2 * * *', /"60" does not fit the minute field \(0-59\)/],
    ['0 24 * * *', /"24" does not fit the hour field/],
    ['0 2 0 * *', /"0" does not fit the day of month field \(1-31\)/],
    ['0 2 * 13 *', /"13" does not fit the month field \(1-12 or JAN-DEC\)/],
    ['0 2 * * 8', /"8" does not fit the day of week field \(0-7 or SUN-SAT\)/],
    ['0 2 * * FRI-MON', /range runs backwards; write it as a list/],
    ['0 2 * * MON#6', /after # comes 1 to 5/],
    ['0 2 * * L', /L alone in the day-of-week field means Saturday/],
    ['0 2 LW * *', /last working day\) is unknown/],
    ['0 2 L-3 * *', /days before the last\) is unknown/],
    ['0 2 31W * *', /before W is 1 to 28/],
    ['0 2 W * *', /W needs a date/],
    ['*/90 * * * *', /a step of 90 is larger than the minute field/],
    ['*/0 * * * *', /after \/ comes a whole number/],
    ['1,,2 * * * *', /"" does not fit the minute field/],
    ['0 2 */2 * MON', /read differently by every cron; list the days/],
    ['0 0 31 2 *', /never fires: there is no day 31 in FEB/],
    ['0 0 31 4,6,9,11 *', /never fires: there is no day 31 in APR, JUN, SEP, NOV/],
    ['0 0 30 2 MON', /never fires: there is no day 30 in FEB/],
  ]
  for (const [cron, reason] of table) assert.match(refused(cron), reason, cron)
  deployed('0 0 29 2 *')
  deployed('0 0 31 2,3 *')
})
