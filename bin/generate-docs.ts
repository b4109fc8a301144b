// Writes what is made from the code: schema/tidemill.schema.json and docs/configuration.md, docs/history.md.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { jsonSchema, referencePage } from '../shared/config-reference.ts'
import { historyPage } from '../shared/history-reference.ts'

const root = join(import.meta.dirname, '..')
const files: Record<string, string> = {
  'schema/tidemill.schema.json': `${JSON.stringify(jsonSchema(), null, 2)}\n`,
  'docs/configuration.md': referencePage(),
  'docs/history.md': historyPage(),
}
for (const [path, text] of Object.entries(files)) {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), text)
  console.log(path)
}
