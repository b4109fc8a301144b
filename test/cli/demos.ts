/** Folders of the demo, and the end of those that a test has made. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { reset, status } from '../../local/cloud.ts'

const demos = join(import.meta.dirname, '../../.cache/demo')

export const demoFolders = (): string[] => (existsSync(demos) ? readdirSync(demos).map(name => join(demos, name)) : [])

export async function resetDemosSince(before: string[]): Promise<void> {
  for (const folder of demoFolders().filter(each => !before.includes(each))) await reset({ folder })
}

export async function isUp(folder: string): Promise<boolean> {
  const { emulator, ecs } = await status({ folder })
  return emulator === 'up' || ecs === 'up'
}
