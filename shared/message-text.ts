/**
 * A message as plain text: the body of the e-mail. No columns, mail programs show it in a proportional font; one sentence a
 * line, for a phone. Foreign words are indented, so that none of them can pass for a line of ours.
 */
import type { Message } from './message.ts'

export function renderText(message: Message): string {
  const blocks = [
    [message.title],
    failureLines(message),
    message.words ? message.words.split('\n').map(line => `  ${line}`) : [],
    message.meaning,
    message.facts,
    [...(message.next ? [message.next] : [])],
    message.commands.flatMap(({ does, command }) => [`${does}:`, `  ${command}`]),
    [...message.links.map(({ label, url }) => `${label}: ${url}`), `Run ${message.runId}`],
  ]
  return `${blocks
    .filter(lines => lines.length)
    .map(lines => lines.join('\n'))
    .join('\n\n')}\n`
}

/** Each failing node with its words below, then how many more there are. */
export function failureLines({ failures, moreFailures }: Pick<Message, 'failures' | 'moreFailures'>): string[] {
  const lines = failures.flatMap(({ name, words, path }) => [name, `  ${words}`, ...(path ? [`  ${path}`] : [])])
  return moreFailures > 0 ? [...lines, `+ ${moreFailures} more`] : lines
}
