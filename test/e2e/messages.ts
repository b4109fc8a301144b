/** Faults of telling, injected into an installation that is deployed into the emulator. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { LocalCloud } from '../../local/cloud.ts'
import type { Answer, Installation } from './installation.ts'
import { type Backstage, makeBackstage } from './table.ts'
import { until } from './until.ts'

const limit = { timeout: 120_000 }

/** Tests for the installation of project.ts. A test message is made, composed and delivered as all are, within seconds. */
export function messageFaults(installation: () => Installation): void {
  test(
    'fault 39: a busy receiver is tried again as it says; one that is gone is told, the other channel has its message',
    limit,
    async () => {
      const it = installation()
      const paths: string[] = []
      const replies = [{ status: 429, headers: { 'retry-after': '1' } }, { status: 503 }]
      it.answerWith((path, body) => {
        if (!isTest(body)) return undefined
        paths.push(path)
        return path === '/hook' ? replies.shift() : undefined
      })
      const busy = await it.tidemill('notify', '--test')
      assert.equal(busy.code, 0, JSON.stringify(busy))
      assert.deepEqual(countOf(paths), { slack: 3, teams: 1 })

      paths.length = 0
      it.answerWith((path, body) => {
        if (!isTest(body)) return undefined
        paths.push(path)
        return path === '/hook' ? { status: 404 } : undefined
      })
      const gone = await it.tidemill('notify', '--test')
      it.answerWith(undefined)
      assert.equal(gone.code, 3, JSON.stringify(gone))
      const states = Object.fromEntries(gone.json.messages.map((each: Answer['json']) => [each.channel, each.state]))
      assert.deepEqual(states, { slack: 'failed', teams: 'sent' })
      assert.deepEqual(countOf(paths), { slack: 1, teams: 1 })
    },
  )

  test(
    'fault 38: the notifier is killed while it sends: when its lease is over the message is sent again, both with its id',
    limit,
    async () => {
      const it = installation()
      const behind = await makeBackstage(it.cloud, 'chain')
      const bodies: string[] = []
      let killed = 0
      it.answerWith((path, body) => {
        if (path !== '/hook' || !isTest(body)) return undefined
        bodies.push(body)
        if (killed > 0) return undefined
        // It has sent, and never hears the answer.
        for (const pid of processesOf(it.cloud, 'chain-notifier')) {
          process.kill(pid, 'SIGKILL')
          killed += 1
        }
        return { status: 200, hold: true }
      })
      const asked = it.tidemill('notify', '--test')
      const message = await untilItem(
        behind,
        item => item.channel === 'slack' && item.kind === 'test' && item.state === 'sending',
      )
      await until('the request', 60, async () => bodies.length > 0)
      assert.ok(killed > 0, 'no process of the notifier was found')
      // Whoever is called meanwhile leaves it alone: the lease stands.
      await behind.call('notifier', {})
      assert.equal(bodies.length, 1)
      // The time of the leases passes, also of what the other channel was at.
      for (const item of await behind.scan('MSG#'))
        if (item.state === 'sending')
          await behind.change(String(item.pk), { leaseUntil: new Date(Date.now() - 1000).toISOString() })
      await behind.call('notifier', {})
      await behind.call('notifier', {})
      it.answerWith(undefined)
      assert.equal((await behind.item(message.pk)).state, 'sent')
      assert.equal(bodies.length, 2)
      for (const body of bodies) assert.ok(body.includes(message.runId), 'each carries the id')
      assert.equal((await asked).code, 0)
    },
  )
}

/** Runs that go on beside the test have messages of their own. */
const isTest = (body: string) => body.includes('Test: messages of chain')

/** Requests on each channel. */
const countOf = (paths: string[]) => ({
  slack: paths.filter(path => path === '/hook').length,
  teams: paths.filter(path => path === '/hook/teams').length,
})

const untilItem = (behind: Backstage, wanted: (item: Answer['json']) => boolean): Promise<Answer['json']> =>
  until('such a message', 60, async () => (await behind.scan('MSG#')).find(wanted))

/** Processes in which the emulator runs a function. Other emulators of this machine have another endpoint. */
function processesOf(cloud: LocalCloud, functionName: string): number[] {
  const wanted = [`AWS_LAMBDA_FUNCTION_NAME=${functionName}`, `AWS_ENDPOINT_URL=${cloud.endpoint}`]
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
        return wanted.every(each => environment.includes(each))
      } catch {
        // It has ended, or is not ours.
        return false
      }
    })
    .map(Number)
}
