/** The configurations that were deployed: from the table who and when, from the bucket what. */
import type { Config } from '../shared/config-model.ts'
import { DEPLOYMENTS_KEY, KEY } from '../shared/contract.ts'
import { type Deployment, parseDeployment } from '../shared/deployment.ts'
import { UserError } from '../shared/errors.ts'
import type { Connection, Table } from './connection.ts'

/** Newest first. */
export async function readDeployments(table: Table, limit: number): Promise<Deployment[]> {
  const keys = await table.query('job', DEPLOYMENTS_KEY, { limit })
  return (await table.getMany(keys)).flatMap(item => parseDeployment(item) ?? []).sort((a, b) => (a.id < b.id ? 1 : -1))
}

/** Hash of the configuration that is meant: `current`, `previous`, or the beginning of a hash. */
export async function resolveHash({ table }: Connection, word: string): Promise<string> {
  const deployments = await readDeployments(table, 1000)
  const [current] = deployments
  if (!current) throw new UserError('No deployment is recorded yet.', { hint: 'The next one will be: tidemill deploy' })
  if (word === 'current') return current.hash
  if (word === 'previous') {
    const before = deployments.find(each => each.hash !== current.hash)
    if (before) return before.hash
    throw new UserError('There is no other configuration before the current one.', { hint: 'See: tidemill config history' })
  }
  const hashes = [...new Set(deployments.map(each => each.hash))]
  const [hash, ...more] = /^[0-9a-f]{4,64}$/.test(word) ? hashes.filter(each => each.startsWith(word)) : []
  if (hash && more.length === 0) return hash
  throw new UserError(more.length ? `"${word}" fits several configurations.` : `No configuration "${word}" was deployed.`, {
    hint: 'Name one by its hash, or: current, previous, file (tidemill.yml here). See: tidemill config history',
  })
}

export async function loadDeployed({ bucket }: Connection, hash: string): Promise<Config> {
  const bytes = await bucket.get(KEY.config(hash))
  if (bytes) return JSON.parse(Buffer.from(bytes).toString('utf8')) as Config
  throw new UserError(`The configuration ${hash.slice(0, 12)} is not in the bucket any more.`)
}
