/** Commands named in a text mean the installation that this command meant: the flags that chose it go with them. */
import type { Command } from './command.ts'

/** Flags with a value, and without. */
const VALUED = ['--config', '--installation', '--profile', '--region']
const PLAIN = ['--local']
/** These are about a file, AWS or this machine, and take no `--local`. */
const ELSEWHERE = new Set(['validate', 'next', 'local', 'diff', 'destroy', 'deploy', 'cost'])

export function pasteable(commands: Command[], argv: string[]): (text: string) => string {
  const chosen = argv.flatMap((word, index) => {
    if (PLAIN.includes(word)) return [word]
    const [name = ''] = word.split('=')
    if (!VALUED.includes(name)) return []
    return word.includes('=') ? [quote(word)] : [word, quote(argv[index + 1] ?? '')]
  })
  const words = new Set(commands.flatMap(command => command.usage.split(' ')[0] ?? []))
  if (chosen.length === 0) return text => text
  return text =>
    text.replace(/\btidemill ([a-z]+)/g, (all, word: string) => {
      // It makes the file that the flags would name.
      if (!words.has(word) || word === 'init') return all
      const flags = ELSEWHERE.has(word) ? chosen.filter(flag => !PLAIN.includes(flag)) : chosen
      return ['tidemill', ...flags, word].join(' ')
    })
}

/** As a shell takes it for one word. */
const quote = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)
