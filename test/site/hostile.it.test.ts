/** Names and messages come from strangers: every page shows them as text, bounded, in the direction that it is read in. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KEY, makeRunId } from '../../shared/contract.ts'
import type { IndexRun } from '../../shared/history-index.ts'
import type { RunRecord } from '../../shared/run.ts'
import { hrefOf } from '../../site/route.ts'
import { hashOf } from '../fakes/records.ts'
import { skipWithout } from '../need.ts'
import { makeHistory, recordOf } from './history.ts'
import { makeNodes, putLog, putRun, stepsOf } from './run-files.ts'
import { makeStage, PAGES, VIEWS } from './stage.ts'
import { putTables } from './tables.ts'

const evil = '<img src=x onerror="globalThis.hit=1"><script>globalThis.hit=1</script>'
const turned = '\u202egnp.exe\u2066'
const long = 'n'.repeat(10_000)

const now = new Date()
const row = (seconds: number, over: Partial<IndexRun>): IndexRun => {
  const at = new Date(now.getTime() - seconds * 1000)
  return {
    id: makeRunId(at, 'aaaaaaaaaaaa'),
    project: 'shop',
    environment: 'prod',
    job: 'nightly',
    status: 'error',
    reason: 'node_failures',
    message: `${evil}${turned}${long}`,
    trigger: 'event',
    by: `${turned}${evil}${long}`,
    commit: turned,
    startedAt: at.toISOString(),
    endedAt: now.toISOString(),
    seconds,
    usd: 0.01,
    attempts: 1,
    ...over,
  }
}
const first = row(600, {})
const foreign = row(500, { job: evil, environment: `${turned}${evil}` })

function hostileRecord(plain: RunRecord): RunRecord {
  const record: RunRecord = {
    ...plain,
    message: `${evil}${turned}`,
    commit: { sha: 'a'.repeat(40), author: evil, subject: `${turned} javascript:alert(1) ${long}`, committedAt: first.endedAt },
    dbtVersion: evil,
    cause: { kind: 'request', actor: `local:${evil}`, idempotencyKey: 'x' },
    lastLaunchError: evil,
  }
  const nodes = nodesOf(record)
  return {
    ...record,
    steps: stepsOf(record, nodes).map(step => ({ ...step, command: evil, message: evil })),
    failures: nodes.filter(node => node.status !== 'success'),
  }
}

const nodesOf = (record: RunRecord) =>
  makeNodes(record, { count: 6, bad: 2 }).map((node, i) => ({
    ...node,
    name: i % 2 ? evil : turned + long,
    uniqueId: `model.shop.${evil}.${i}`,
    message: `${evil}\n${turned}`,
    path: evil,
    owners: [evil],
    tags: [turned],
  }))

test('hostile names and messages stay text: no markup, no turned direction, no link but to the web', {
  timeout: 90_000,
  skip: skipWithout('chromium'),
}, async () => {
  const history = makeHistory({ runs: 60, now, first: [first, foreign] })
  const { objects } = history
  const [job] = Object.values(history.config.jobs)
  const [project] = Object.values(history.config.projects)
  assert.ok(job && project)
  Object.assign(job, { description: `${evil}${turned}`, steps: [{ name: evil, args: [evil, long] }] })
  Object.assign(project, { repository: 'javascript:alert(1)' })
  objects.set(KEY.config(hashOf(history.config)), JSON.stringify(history.config))
  objects.set(
    KEY.docsPointer('shop', 'prod'),
    JSON.stringify({ schemaVersion: 1, run: evil, job: evil, commit: turned, files: [] }),
  )
  putTables(history, 5)
  const hostile = hostileRecord(recordOf(first, history.config))
  putRun(objects, hostile, nodesOf(hostile))
  const keys = putLog(objects, hostile, nodesOf(hostile), { bytes: 5000 })
  const stage = await makeStage(history, plain => ({
    record: id => (id === hostile.id ? hostile : plain.record(id)),
    parts: () => keys,
    paused: () => [
      { of: 'job', name: 'shop/nightly', at: first.endedAt, actor: evil },
      { of: 'environment', name: `${turned}${evil}`, at: evil, actor: `${turned}${long}` },
    ],
  }))
  try {
    const view = await stage.open('/runs')
    const { page } = view
    const strange = [
      hrefOf(['jobs', 'shop', evil]),
      hrefOf(['nodes', 'shop', evil, `model.${turned}${evil}`]),
      hrefOf(['nodes', 'shop', 'prod', 'source.shop.x']),
      hrefOf(['runs', evil]),
      hrefOf([evil]),
      hrefOf(['runs'], { job: evil, q: evil }),
    ].map(href => href.slice(1))
    for (const route of [...PAGES, ...VIEWS.map(part => `/runs/${hostile.id}?view=${part}`), ...strange]) {
      await view.go(route)
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 900 })
        const found = await page.evaluate(() => ({
          hit: Reflect.get(globalThis, 'hit'),
          markup: document.querySelectorAll('main img, main script, main iframe').length,
          links: [...document.querySelectorAll('a')].map(a => a.href).filter(href => !/^https?:/.test(href)),
          turned: /[\u202a-\u202e\u2066-\u2069]/.test(document.body.innerText),
          wide: Math.max(0, document.documentElement.scrollWidth - innerWidth),
          long: document.body.innerText.length > 20_000,
        }))
        const none = { hit: undefined, markup: 0, links: [], turned: false, wide: 0, long: false }
        assert.deepEqual(found, none, `${route} ${width}`)
      }
    }
    await view.close()
  } finally {
    await stage.close()
  }
})
