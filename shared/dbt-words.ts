/** Words of a command line by the quoting rules of a POSIX shell, without a shell: what would need one is refused. */
import { type Refusal, refuse } from './refusal.ts'

const SHELL: [RegExp, string][] = [
  [/^(&&|\|\||;)/, 'joins commands; write one step for each'],
  [/^\|/, 'is a pipe, and there is no shell; a step is one dbt command'],
  [/^(>>?|<)/, 'redirects, and there is no shell; the log of every step is kept by itself'],
  [/^&/, 'starts in the background, and there is no shell'],
  [/^`/, 'runs a command inside, and there is no shell'],
  [/^\$\(/, 'runs a command inside, and there is no shell'],
]
const VARIABLE = /^\$(\w+|\{\w+\})/
const NO_SHELL = "there is no shell; in the project write env_var('NAME') and set it in `variables` of the environment"

export function splitWords(line: string): string[] | Refusal {
  const text = line.trim().replace(/\\\r?\n/g, ' ')
  const words: string[] = []
  let word: string | undefined
  let i = 0
  while (i < text.length) {
    const rest = text.slice(i)
    const char = text[i] ?? ''
    if (/\n/.test(char)) return refuse('has several lines; write one step for each command')
    if (/\s/.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
      i++
    } else if (char === "'") {
      const end = text.indexOf("'", i + 1)
      if (end < 0) return refuse("has a ' that is not closed")
      word = (word ?? '') + text.slice(i + 1, end)
      i = end + 1
    } else if (char === '"') {
      const quoted = readDoubleQuoted(text, i + 1)
      if ('refused' in quoted) return quoted
      word = (word ?? '') + quoted.value
      i = quoted.next
    } else if (char === '\\') {
      if (i + 1 === text.length) return refuse('ends in a \\')
      word = (word ?? '') + text[i + 1]
      i += 2
    } else {
      const refused = refusedHere(rest, word === undefined)
      if (refused) return refused
      word = (word ?? '') + char
      i++
    }
  }
  if (word !== undefined) words.push(word)
  return words
}

function refusedHere(rest: string, atStart: boolean): Refusal | undefined {
  for (const [pattern, why] of SHELL) {
    const mark = pattern.exec(rest)?.[0]
    if (mark) return refuse(`"${mark}" ${why}. If it belongs to a value, put quotes around the value`)
  }
  const variable = VARIABLE.exec(rest)?.[0]
  if (variable) return refuse(`"${variable}" would stay as it is: ${NO_SHELL}`)
  if (atStart && rest.startsWith('#')) return refuse('"#" begins no comment here; take it out, or put quotes around the value')
  return undefined
}

/** From behind the opening quote: a backslash keeps its meaning only before `"`, `\`, `$` and a backtick. */
function readDoubleQuoted(text: string, from: number): { value: string; next: number } | Refusal {
  let value = ''
  for (let i = from; i < text.length; i++) {
    const char = text[i] ?? ''
    if (char === '"') return { value, next: i + 1 }
    if (char === '\\' && /["\\$`]/.test(text[i + 1] ?? '')) {
      value += text[++i]
      continue
    }
    const rest = text.slice(i)
    const mark = /^(`|\$\()/.exec(rest)?.[0] ?? VARIABLE.exec(rest)?.[0]
    if (mark) return refuse(`"${mark}" would stay as it is: ${NO_SHELL}`)
    value += char
  }
  return refuse('has a " that is not closed')
}
