/** Loads the files of tests that are named into this one process, and says in the end what they took of the processor. */
import { existsSync, readFileSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

let done = () => {}
const loaded = new Promise<void>(resolve => {
  done = resolve
})
const names = process.argv.slice(2)
process.on('exit', () => writeSync(1, `\nprocessor ${processorSeconds().toFixed(1)} s\n`))
// The others wait for it: a test that began while its file is being read would miss what stands below it.
if (names.length > 1) test(`${names.length} files are loaded`, { timeout: 240_000 }, () => loaded)
for (const name of names) await import(pathToFileURL(resolve(name)).href)
done()

/** With what the processes took that it started, as far as they have ended; elsewhere than on Linux its own alone. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage()
  if (!existsSync('/proc/self/stat')) return (user + system) / 1_000_000
  // After the name of the program: utime, stime, cutime and cstime (proc(5)), in hundredths of a second.
  const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ').slice(11, 15) ?? []
  return fields.reduce((sum, each) => sum + Number(each) / 100, 0)
}
