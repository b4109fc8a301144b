/** Folders of the demo, and the end of those that a test has made. */
import { status } from '../../local/cloud.ts'

/** The folder that a demo names in its first line; undefined: it has not come so far. Other demos may run at the same time. */
export const demoFolder = (said: string): string | undefined => /^✓ example .* (\/\S+)$/m.exec(said)?.[1]

export async function isUp(folder: string): Promise<boolean> {
  const { emulator, ecs } = await status({ folder })
  return emulator === 'up' || ecs === 'up'
}
