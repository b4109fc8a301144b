/** Loads the files of tests that are named into this one process. */
import { resolve } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

let done = () => {}
const loaded = new Promise<void>(resolve => {
  done = resolve
})
const names = process.argv.slice(2)
// The others wait for it: a test that began while its file is being read would miss what stands below it.
if (names.length > 1) test(`${names.length} files are loaded`, { timeout: 240_000 }, () => loaded)
for (const name of names) await import(pathToFileURL(resolve(name)).href)
done()
