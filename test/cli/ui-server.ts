/** The server of `tidemill ui` over objects and runs in memory. */
import type { TestContext } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { startUi } from '../../cli/ui.ts'
import type { ApiResponse } from '../../shared/api.ts'
import { TOKEN_HEADER } from '../../shared/page-api.ts'
import type { RunRecord } from '../../shared/run.ts'
import { fakeConnection, fakeContext } from './fakes.ts'
import { get } from './http.ts'
import { makeFolder } from './process.ts'

export const ID = '20261122T010004-9f3ac2d1b7e4'
export const ACTOR = 'arn:aws:iam::000000000000:user/ana'
export const INDEX = 'history/v1/index/current.json'
export const stored = (value: unknown) => gzipSync(JSON.stringify(value))

export const OBJECTS = {
  [INDEX]: stored({ jobs: [] }),
  'history/v1/index/days/2026-11-22-0123456789abcdef.json': stored({ runs: [] }),
  [`runs/shop/prod/nightly/${ID}/1/steps/1-build/evil.html`]: Buffer.from('<script>alert(1)</script>'),
  'history/v1/nodes/day=2026-11-22/run=x.parquet': Buffer.from('PAR1 0123456789 PAR1'),
  'docs/shop/prod/current.json': stored({ run: ID }),
  'docs/shop/prod/x/manifest.json': stored({}),
  'plans/shop/prod/x/1.json': stored({ secret: 'plan' }),
  'cache/shop/prod/git/pack': Buffer.from('pack'),
}

export interface Parts {
  runs?: RunRecord[]
  items?: Record<string, unknown>[]
  objects?: Record<string, Uint8Array>
  api?: () => ApiResponse
  actions?: boolean
}

export async function startServer(t: TestContext, { runs = [], items = [], objects = OBJECTS, api, actions = true }: Parts = {}) {
  const page = '<!doctype html><script src="app.js"></script>'
  const script = 'const a = 1\n'.repeat(1000)
  const folder = makeFolder(t, {
    'package.json': '{"version":"1.2.3"}',
    'dist/bin/app.mjs': '',
    'dist/site/index.html': page,
    'dist/site/index.html.br': page,
    'dist/site/app.js': script,
    'dist/site/app.js.br': brotliCompressSync(script),
    'dist/secret.txt': 'secret',
  })
  const connection = fakeConnection({
    runs,
    items,
    objects,
    api: request =>
      request.operation === 'whoami' ? { ok: true, actor: ACTOR, message: '' } : (api?.() ?? { ok: true, message: 'done' }),
  })
  const context = fakeContext(connection, { effects: { packageRoot: folder } })
  const ui = await startUi(context, connection, { actions, pagePort: { port: 0 }, docsPort: { port: 0 } })
  t.after(() => ui.close())
  const ask = (path: string, headers: Record<string, string> = {}) =>
    get(ui.origin, path, { [TOKEN_HEADER]: ui.token, ...headers })
  return { ui, ask, connection, context, page }
}
