/** The compactor as it is shipped, called once in a process of its own with the memory of its function. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { ENV } from '../shared/contract.ts'
import { MACHINERY, NO_USE, priceOfUse } from '../shared/machinery-cost.ts'
import type { Cloud } from './cloud.ts'
import type { Values } from './rounds.ts'
import type { Installation } from './site-store.ts'

const ROOT = join(import.meta.dirname, '..')
/** Lambda gives Node so much of it. */
const HEAP_MB = Math.floor(MACHINERY.compactorMb * 0.9)

/** Bundles a function as it is shipped. */
export async function bundleFunction(folder: string, name: string): Promise<string> {
  const outfile = join(folder, `app/${name}.cjs`)
  const entryPoints = [join(ROOT, `lambda/${name}/handler.ts`)]
  const options = { bundle: true, platform: 'node', target: 'node20', minify: true, keepNames: true, logLevel: 'error' } as const
  await build({ ...options, entryPoints, outfile })
  return outfile
}

/** Environment of a function of the installation. */
export const functionEnv = ({ env }: Cloud, { name, config }: Installation): Record<string, string | undefined> => ({
  PATH: process.env.PATH,
  ...env,
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  ...Object.fromEntries(Object.values(ENV).map(each => [each, 'x'])),
  [ENV.table]: name,
  [ENV.bucket]: name,
  [ENV.configKey]: config,
})

/** Its time is never over: one call does all of it. Requests are those that reach the network. */
const PROGRAM = `const { handler } = require(process.argv[1])
const used = { bucketGets: 0, bucketPuts: 0, tableReads: 0, tableWrites: 0 }
require('node:diagnostics_channel').subscribe('http.client.request.start', ({ request }) => {
  const target = request.getHeader('x-amz-target')
  if (target) used[/Get|Query/.test(target) ? 'tableReads' : 'tableWrites']++
  else if (request.method === 'GET' && !request.path.includes('list-type')) used.bucketGets++
  else if (!request.path.includes('?delete')) used.bucketPuts++
})
const [began, cpu] = [performance.now(), process.cpuUsage()]
handler(JSON.parse(process.argv[2]), { getRemainingTimeInMillis: () => 1e9 }).then(() => {
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const megabytes = process.resourceUsage().maxRSS / 1024
  console.error('result ' + JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, megabytes, used }))
  process.exit()
})`

/** Where AWS is, a request takes longer than here and a core is not whole: the price is that of the seconds here. */
export async function callCompactor(cloud: Cloud, to: Installation, program: string, event: object): Promise<Values> {
  const args = [`--max-old-space-size=${HEAP_MB}`, '-e', PROGRAM, program, JSON.stringify(event)]
  const options = { env: functionEnv(cloud, to), timeout: 280_000, maxBuffer: 64 * 1024 * 1024 }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, options)
  if (/could not be/.test(stdout)) throw new Error(`the compactor left something out: ${stdout.slice(-2000)}`)
  const { used, ...values } = JSON.parse(/^result (.*)$/m.exec(stderr)?.[1] ?? '{}')
  const lambdaGbSeconds = values.seconds * (MACHINERY.compactorMb / 1024)
  const milliUsd = 1000 * priceOfUse({ ...NO_USE, lambdaRequests: 1, lambdaGbSeconds, ...used })
  return { ...values, milliUsd, gets: used.bucketGets, puts: used.bucketPuts }
}
