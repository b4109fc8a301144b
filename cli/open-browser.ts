import type { Effects } from './effects.ts'

/** False where there is no program for it. */
export async function openBrowser(effects: Effects, url: string): Promise<boolean> {
  const run = (command: string, args: string[]) =>
    effects.execute(command, args, { cwd: effects.cwd, stdio: 'pipe', timeout: 10_000 })
  for (const [command, args] of [
    ['xdg-open', [url]],
    ['open', [url]],
    ['wslview', [url]],
  ] as const)
    if ((await run(command, [...args])).code === 0) return true
  return false
}
