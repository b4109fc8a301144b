/** Words of dbt and its libraries, made fit for a sentence: what was said stays, what was wrapped around it goes. Pure. */

/** Lines around what the database said: the name once more, and places in compiled code, which is gone with the task. */
const AROUND = [/^[\w ]+ Error in \w+ .*\(.*\)$/, /^compiled code at /i, /^LINE \d+:/, /^\s*\^+\s*$/]

/** Of an error of a node, in one line. Of a traceback of Python only its end tells what happened. */
export function nodeWords(message: string): string {
  const lines = message.split('\n').filter(line => line.trim() && !AROUND.some(pattern => pattern.test(line.trim())))
  const traceback = lines.findIndex(line => /^\s*Traceback \(most recent call last\):/.test(line))
  const said = traceback === -1 ? lines : [...lines.slice(0, traceback), ...lines.slice(-1)]
  return plainWords((said.length > 0 ? said : [message]).join('\n'))
}

/** In one line, without what Python's HTTP library says about itself. */
export const plainWords = (text: string) => withoutPool(text.replace(/\s*\n\s*/g, ' ').trim()).slice(0, 600)

/** Ends with a full stop, so that another sentence can follow. */
export const sentence = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`)

const POOL = /(?:External connection exception occurred: )?HTTPS?ConnectionPool\(host='([^']+)', port=\d+\): (.*)$/
const CAUSE =
  /\[Errno -?\d+\] ([^'"()[\]]+)|(Read timed out|timed out|certificate verify failed|too many \d+ error responses|unable to connect to proxy|Remote end closed connection)/i

function withoutPool(text: string): string {
  return text.replace(POOL, (_, host: string, rest: string) => {
    const [, words, other] = CAUSE.exec(rest) ?? []
    return `${host} did not answer: ${(words ?? other ?? rest).trim()}`
  })
}
