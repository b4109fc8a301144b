/** The page of the demo's runs: served here, and asked until it shows all of them. */
import { UserError } from '../shared/errors.ts'
import { HISTORY_KEY } from '../shared/history-index.ts'
import { pageAddress, TOKEN_HEADER } from '../shared/page-api.ts'
import { EXIT } from '../shared/reasons.ts'
import type { Demo } from './demo-runs.ts'
import { PORTS, startUi, type Ui } from './ui.ts'

/** Milliseconds until the history has the newest run. */
const HISTORY_WITHIN = 60_000

export interface DemoPage extends Ui {
  /** With the token in it. */
  address: string
}

export async function openPage(demo: Demo, runs: { id: string }[]): Promise<DemoPage> {
  const { effects, stages, connection, sink } = demo
  stages.start('page', 'waiting for the history to have all runs')
  const say = (line: string) => sink.write(`${line}\n`)
  const ports = { pagePort: { port: PORTS.page }, docsPort: { port: PORTS.docs } }
  const ui = await startUi({ effects, say, paste: text => text }, connection, { actions: true, ...ports })
  try {
    await requireRuns(demo, ui, runs)
  } catch (error) {
    await ui.close()
    throw error
  }
  stages.end('success', `${ui.origin} shows the runs`)
  return { ...ui, address: pageAddress(ui.origin, '/runs', ui.token) }
}

async function requireRuns({ effects: { clock }, signal }: Demo, ui: Ui, runs: { id: string }[]): Promise<void> {
  const ask = async (path: string) => {
    const answer = await fetch(ui.origin + path, { headers: { [TOKEN_HEADER]: ui.token }, signal })
    return { ok: answer.ok, text: await answer.text() }
  }
  const until = clock.now().getTime() + HISTORY_WITHIN
  while (clock.now().getTime() < until && !signal.aborted) {
    const [page, index] = await Promise.all([ask('/'), ask(`/data/${HISTORY_KEY.index}`)])
    if (page.ok && index.ok && runs.every(({ id }) => index.text.includes(id))) return
    await clock.sleep(300, signal)
  }
  throw new UserError(`The page at ${ui.origin} does not show all runs after ${HISTORY_WITHIN / 1000} s.`, {
    exitCode: EXIT.infrastructure,
  })
}
