/** The warm dbt as a process: its garbage collector, what one command leaves for the next, and its end between two commands. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ENV } from '../../shared/contract.ts'
import type { Plan } from '../../shared/plan.ts'
import { startBucket } from './bucket.ts'
import { type Files, makeFolder, makeRepository, SHOP } from './project.ts'
import { childrenOf, killGroups, query } from './resume-fixture.ts'
import { makePlan, startRunner, step } from './runner.ts'

const OPTIONS = { timeout: 120_000 }

async function setUp(t: { after(fn: () => void): void }, files: Files, changes: Partial<Plan>) {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const plan = makePlan(makeRepository(folder, { ...SHOP, ...files }), folder, changes)
  const start = (env: Record<string, string> = {}) => {
    const runner = startRunner(bucket, plan, folder, env)
    t.after(() => runner.child.kill('SIGKILL'))
    return runner
  }
  return { database: join(folder, 'shop.duckdb'), start }
}

/** A model in Python runs in dbt's own process. The watch looks once a second. */
const COLLECTS = `
import gc, time

def model(dbt, session):
    time.sleep(2)
    return session.sql(f"select {gc.isenabled()} as collects")
`

for (const [name, memory, mode, collects] of [
  ['off while dbt uses little of the task', 8192, 'on', 'False'],
  ['on from 40 % of the task’s memory on', 200, 'on', 'True'],
  ['on where it was asked for', 8192, 'collect', 'True'],
] as const)
  test(`Python's garbage collector is ${name}`, OPTIONS, async t => {
    const steps = [step(0, 'checkout'), step(1, 'dbt', ['run', '--select', 'collects'])]
    const { database, start } = await setUp(t, { 'models/collects.py': COLLECTS }, { memory, steps })
    const end = await start({ [ENV.dbtHost]: mode }).end
    assert.equal(end.result?.outcome, 'success', end.output)
    assert.deepEqual(query(database, 'select collects from collects'), [collects])
  })

/** What a command can change in its process. */
const MESS = `
import os, sys, time

def model(dbt, session):
    os.environ["LEFT_BEHIND"] = "yes"
    os.environ["SHOP_DB"] = "/nowhere/else.duckdb"
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    os.chdir("/")
    os.umask(0)
    sys.path.insert(0, "/left/behind")
    sys.argv.append("--left-behind")
    return session.sql("select 1 as done")
`
const LOOK = `
import os, sys, time

def model(dbt, session):
    umask = os.umask(0o077)
    os.umask(umask)
    seen = [
        os.environ.get("LEFT_BEHIND"),
        time.strftime("%Z"),
        os.path.basename(os.getcwd()),
        oct(umask),
        "/left/behind" in sys.path,
        "--left-behind" in sys.argv,
    ]
    return session.sql(f"select '{' '.join(map(str, seen))}' as seen".replace("'None'", "none"))
`

test('what a model in Python leaves in the process is gone for the next command, as with plain dbt', OPTIONS, async t => {
  const run = (select: string) => ['run', '--select', select]
  const steps = [
    step(0, 'checkout'),
    { ...step(1, 'dbt', run('mess')), name: 'first' },
    { ...step(2, 'dbt', run('look')), name: 'second' },
  ]
  const { database, start } = await setUp(t, { 'models/mess.py': MESS, 'models/look.py': LOOK }, { steps })
  const umask = execFileSync('sh', ['-c', 'umask'], { encoding: 'utf8' }).trim().replace(/^0+/, '')
  for (const mode of ['on', 'off']) {
    const end = await start({ [ENV.dbtHost]: mode }).end
    assert.equal(end.result?.outcome, 'success', end.output)
    assert.deepEqual(query(database, 'select seen from look'), [`None UTC cwd 0o${umask} False False`], mode)
  }
})

test(
  'fault 45: the warm dbt is killed before its first command: every command is a plain dbt, with the same result',
  OPTIONS,
  async t => {
    const steps = [step(0, 'checkout'), step(1, 'dbt', ['run']), step(2, 'dbt', ['test'])]
    const { start } = await setUp(t, {}, { steps })
    const runner = start()
    await runner.said('▸ git checkout')
    const hosts = childrenOf(runner.child.pid ?? 0).filter(pid =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('dbt_host/host.py'),
    )
    assert.equal(hosts.length, 1)
    killGroups(hosts)
    const end = await runner.end
    assert.deepEqual(
      end.result?.steps.map(each => [each.name, each.status]),
      [
        ['checkout', 'success'],
        ['run', 'success'],
        ['test', 'success'],
      ],
      end.output,
    )
  },
)
