/** What surrounds a task: the emulator's bucket and a git host that asks for a token, both on loopback. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { type Bucket, makeBucket, textOf } from '../lambda/common/bucket.ts'
import { healthUrl, startEmulator, waitHealthy } from '../local/emulator.ts'
import { endProcess, freePort } from '../local/process.ts'
import { ensureVenv, findPython } from '../local/venv.ts'
import { startGitServer } from '../test/e2e/git-server.ts'

const ROOT = join(import.meta.dirname, '..')
export const BUCKET = 'data'
const ACCOUNT = '000000000000'
const REGION = 'eu-central-1'
const KEYS = { accessKeyId: 'bench', secretAccessKey: 'bench' }
const MOST_BYTES = 64 * 1024 * 1024

export interface Cloud {
  /** Environment of a program that uses the bucket. */
  env: Record<string, string>
  bucket: Bucket
  /** Text of an object, unpacked; fails if it is not there. */
  text(key: string): Promise<string>
  /** When the emulator stored the object, milliseconds since 1970; undefined: not yet. Costs the emulator nothing. */
  storedAt(key: string): number | undefined
  git: { url: string; token: string; folder: string }
  close(): Promise<void>
}

/** `folder` holds its state; nothing of it is needed afterwards. */
export async function startCloud(folder: string): Promise<Cloud> {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  const venv = await ensureVenv({
    name: 'emulator',
    requirements: [join(ROOT, 'local/emulator/requirements.txt')],
    cacheDir: join(ROOT, '.cache/venv'),
    python: await findPython(process.env.TIDEMILL_PYTHON),
    onProgress: line => process.stderr.write(`◔ ${line}\n`),
  })
  const endpoint = `http://127.0.0.1:${await freePort({})}`
  const [stateDir, log, repositories] = [join(folder, 'cloud'), join(folder, 'emulator.log'), join(folder, 'git')]
  for (const path of [stateDir, repositories]) mkdirSync(path, { recursive: true })
  const program = join(ROOT, 'local/emulator')
  const local = { endpoint, region: REGION, ...KEYS, ecsEndpoint: endpoint, actor: 'local:bench' }
  const emulator = await startEmulator({ ...local, venv, program, stateDir, log, snapshots: 'off' })
  await waitHealthy('emulator', healthUrl(endpoint), emulator, log, 30)
  const client = new S3Client({ endpoint, region: REGION, credentials: KEYS, forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  const token = 'token-of-the-benchmark'
  const git = await startGitServer(repositories, token)
  const bucket = makeBucket(client, BUCKET)
  return {
    env: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    },
    bucket,
    async text(key) {
      const text = textOf((await bucket.read(key, MOST_BYTES))?.body ?? new Uint8Array(), MOST_BYTES)
      if (!text) throw new Error(`there is no ${key} in the bucket`)
      return text
    },
    storedAt: key => statSync(join(stateDir, 's3', ACCOUNT, BUCKET, key), { throwIfNoEntry: false })?.mtimeMs,
    git: { url: git.url, token, folder: repositories },
    async close() {
      client.destroy()
      git.close()
      await endProcess(emulator, 10)
    },
  }
}

/** A bare copy of a repository on the git host; gives its address. */
export function publish({ git }: Pick<Cloud, 'git'>, dir: string, name: string): string {
  const bare = join(git.folder, `${name}.git`)
  const env = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  if (!existsSync(bare)) execFileSync('git', ['init', '-q', '--bare', '-b', 'main', bare], { env, timeout: 60_000 })
  execFileSync('git', ['push', '-q', '--force', bare, 'main'], { cwd: dir, env, timeout: 60_000 })
  return `${git.url}/${name}.git`
}
