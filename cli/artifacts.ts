import { mkdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { KEY } from '../shared/contract.ts'
import { UserError } from '../shared/errors.ts'
import { formatBytes, oneLine, plural } from '../shared/format.ts'
import { type Command, type Context, type Input, type Outcome, textOption } from './command.ts'
import type { Bucket } from './connection.ts'
import { connect } from './installation.ts'
import { resolveRun } from './runs-query.ts'
import { formatTable } from './table.ts'

export const artifactsCommand: Command = {
  usage: 'artifacts <run>',
  summary: 'list or download what a run left: manifest, run results, catalog, logs',
  options: [{ flags: '--download <dir>', text: 'store them below this folder' }],
  examples: ['tidemill artifacts last', 'tidemill artifacts nightly --download ./artifacts'],
  run: showArtifacts,
}

async function showArtifacts(context: Context, input: Input): Promise<Outcome> {
  const { effects } = context
  const connection = await connect(context)
  const record = await resolveRun(connection, input.words.run ?? '', effects.clock.now())
  const prefix = KEY.run(record)
  const objects = await connection.bucket.list(prefix)
  const address = `s3://${connection.bucketName}/${prefix}`
  const folder = textOption(input, 'download')
  if (objects.length === 0)
    return { document: { run: record.id, address, files: [] }, lines: [`Run ${record.id} has left no files in ${address}`] }
  const files = objects.map(({ key, bytes }) => ({ name: key.slice(prefix.length), key, bytes }))
  if (folder === undefined) {
    // Parts are the form in which the log is stored; `logs` shows them.
    const named = files.filter(file => !file.name.includes('/parts/'))
    const rows = named.map(file => [{ text: '' }, { text: oneLine(file.name, 300) }, { text: formatBytes(file.bytes) }])
    return {
      document: { run: record.id, address, files },
      lines: [
        address,
        ...formatTable([{ title: '' }, { title: 'FILE' }, { title: 'STORED', align: 'right' }], rows, Number.POSITIVE_INFINITY),
        `Download:  tidemill artifacts ${record.id} --download DIR`,
      ],
    }
  }
  const target = resolve(effects.cwd, folder)
  for (const { key, name } of files) {
    if (effects.interrupt.aborted) throw new UserError('Interrupted; not everything is downloaded.', { exitCode: 130 })
    await downloadBelow(connection.bucket, key, target, name)
  }
  return {
    document: { run: record.id, address, folder: target, files },
    lines: [`Downloaded ${plural(files.length, 'file')} to ${target}`],
  }
}

/** Names come from a container: one that would leave the folder is refused. */
export async function downloadBelow(bucket: Bucket, key: string, folder: string, name: string): Promise<void> {
  const path = resolve(folder, name)
  const inside = relative(folder, path)
  if (inside === '' || inside.startsWith('..') || inside !== join(name) || name.includes('\0'))
    throw new UserError(`The object ${oneLine(key, 300)} has a name that leads out of ${folder}; nothing more was downloaded.`, {
      exitCode: 3,
    })
  mkdirSync(dirname(path), { recursive: true })
  await bucket.download(key, path)
}
