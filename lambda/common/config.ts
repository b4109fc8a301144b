/** Reads resolved configurations from the bucket: the one in force, and those that open runs were claimed with. */
import { createHash } from 'node:crypto'
import type { Config } from '../../shared/config-model.ts'
import { KEY, SCHEMA_VERSION } from '../../shared/contract.ts'
import type { Bucket } from './bucket.ts'

export interface Configs {
  /** Hash of the configuration in force. */
  current: string
  load(hash: string): Promise<Config>
}

/** 1,000 jobs make about 1 MB; a warm Lambda keeps the last few. */
const KEPT = 8
const MAX_BYTES = 32 * 1024 * 1024

export function makeConfigs(bucket: Pick<Bucket, 'read'>, configKey: string): Configs {
  const kept = new Map<string, Promise<Config>>()
  return {
    current: hashOfConfig(configKey),
    load(hash) {
      const known = kept.get(hash)
      if (known) return known
      const loading = read(bucket, hash)
      // A read that failed is not kept: the next caller tries again.
      loading.catch(() => kept.delete(hash))
      kept.set(hash, loading)
      const [oldest] = kept.keys()
      if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest)
      return loading
    },
  }
}

export function hashOfConfig(configKey: string): string {
  const hash = /^config\/([0-9a-f]{64})\.json$/.exec(configKey)?.[1]
  if (!hash) throw new Error(`"${configKey}" is not the key of a configuration (config/<sha256>.json)`)
  return hash
}

async function read(bucket: Pick<Bucket, 'read'>, hash: string): Promise<Config> {
  const key = KEY.config(hash)
  const object = await bucket.read(key, MAX_BYTES)
  if (!object) throw new Error(`configuration ${key} is not in the bucket`)
  const actual = createHash('sha256').update(object.body).digest('hex')
  if (actual !== hash) throw new Error(`configuration ${key} was changed after it was deployed: its SHA-256 is ${actual}`)
  const config = JSON.parse(new TextDecoder().decode(object.body)) as Config
  if (config.schemaVersion > SCHEMA_VERSION)
    throw new Error(`configuration ${key} is of version ${config.schemaVersion}, newer than this code`)
  return config
}
