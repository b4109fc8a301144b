/** The compactor as it is shipped, in a process of its own that is killed. */
import { spawn } from 'node:child_process'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { build } from 'esbuild'
import { ENV } from '../../shared/contract.ts'
import type { Installed, Place } from './compactor-emulator.ts'

const PROGRAM = `require(process.argv[1]).handler({ daily: true }, { getRemainingTimeInMillis: () => 600000 })`

/** Killed when it asks the bucket to take such an object, which the bucket never sees. */
export async function killedAt({ env, folder }: Place, { name, config }: Installed, isIt: (key: string) => boolean) {
  const outfile = join(folder, 'compactor.cjs')
  const entryPoints = [join(import.meta.dirname, '../../lambda/compactor/handler.ts')]
  await build({ bundle: true, platform: 'node', target: 'node20', logLevel: 'error', entryPoints, outfile })
  const to = new URL(env.AWS_ENDPOINT_URL ?? '')
  const door = createServer((incoming, outgoing) => {
    const { method, url = '', headers } = incoming
    if (method === 'PUT' && isIt(decodeURIComponent(url))) return void child.kill('SIGKILL')
    const passed = request({ host: to.hostname, port: to.port, method, path: url, headers }, answer => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  await new Promise<void>(resolve => door.listen(0, '127.0.0.1', resolve))
  const child = spawn(process.execPath, ['-e', PROGRAM, outfile], {
    env: {
      PATH: process.env.PATH,
      ...env,
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(door.address() as AddressInfo).port}`,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      ...Object.fromEntries(Object.values(ENV).map(each => [each, 'x'])),
      [ENV.table]: name,
      [ENV.bucket]: name,
      [ENV.configKey]: config,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 60_000,
  })
  const signal = await new Promise<NodeJS.Signals | null>(resolve => child.once('close', (_, by) => resolve(by)))
  door.closeAllConnections()
  door.close()
  return { signal }
}
