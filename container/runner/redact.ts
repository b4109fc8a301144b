/** Masks secret values in everything that leaves the process. */
import { PassThrough, Transform } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

export const MASK = '***'
/** Shorter values would mask ordinary words and digits. */
const SHORTEST = 6

export interface Redactor {
  /** Masks a whole line or message. */
  text(value: string): string
  /** Masks a byte stream of UTF-8 text, also where a secret lies across chunks. */
  stream(): Transform
}

export function createRedactor(secrets: readonly string[]): Redactor {
  const forms = secrets.flatMap(formsOf).sort((a, b) => b.longest - a.longest)
  const longest = forms[0]?.longest
  if (longest === undefined) return { text: value => value, stream: () => new PassThrough() }
  const pattern = new RegExp([...new Set(forms.map(form => form.pattern))].join('|'), 'g')
  const text = (value: string) => value.replace(pattern, MASK)
  return { text, stream: () => maskingStream(pattern, longest, text) }
}

/** A way in which a value shows up: a regular expression and the length of its longest match. */
interface Form {
  pattern: string
  longest: number
}
const literal = (text: string): Form => ({ pattern: escapePattern(text), longest: text.length })

/** As it is, line by line, and in the encodings that tools apply. */
function formsOf(secret: string): Form[] {
  const values = [secret, ...secret.split(/\r?\n/).map(line => line.trim())].filter(value => value.length >= SHORTEST)
  return values.flatMap(value => {
    const json = JSON.stringify(value).slice(1, -1)
    const encoded = [json, json.replaceAll('/', '\\/'), escapeAscii(json), ...base64Forms(value)]
    return [urlForm(value), ...encoded.filter(form => form.length >= SHORTEST).map(literal)]
  })
}

/** The value itself, or with any of its characters percent-encoded: tools differ in which they encode. */
function urlForm(value: string): Form {
  const percent = (char: string) => [...Buffer.from(char)].map(byte => `%${byte.toString(16).padStart(2, '0')}`).join('')
  const eitherCase = (text: string) => text.replace(/[a-f]/g, hex => `[${hex}${hex.toUpperCase()}]`)
  const chars = [...value].map(char => {
    if (/[\w.-]/.test(char)) return { pattern: escapePattern(char), longest: 1 }
    const plus = char === ' ' ? '|\\+' : ''
    return { pattern: `(?:${escapePattern(char)}|${eitherCase(percent(char))}${plus})`, longest: percent(char).length }
  })
  return { pattern: chars.map(char => char.pattern).join(''), longest: chars.reduce((sum, char) => sum + char.longest, 0) }
}

/** Python's JSON writes everything beyond ASCII as \uXXXX. */
const escapeAscii = (json: string) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range is meant
  json.replace(/[^\x00-\x7f]/g, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)

/**
 * Base64 of a text that contains the value at any offset: of each offset the characters that depend on the value alone.
 * Also in the URL alphabet.
 */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value)
  return [0, 1, 2].flatMap(offset => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    const first = Math.ceil((offset * 4) / 3)
    const whole = Math.floor(((offset + bytes.length) * 4) / 3)
    const inner = encoded.slice(first, whole)
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')]
  })
}

const escapePattern = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

function maskingStream(pattern: RegExp, longest: number, mask: (value: string) => string): Transform {
  const decoder = new StringDecoder('utf8')
  let held = ''
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const text = held + decoder.write(chunk)
      const cut = safeCut(text)
      held = text.slice(cut)
      done(null, mask(text.slice(0, cut)))
    },
    flush(done) {
      done(null, mask(held + decoder.end()))
    },
  })
  /** A secret that begins before the cut is seen whole, and none is cut in two. */
  function safeCut(text: string): number {
    let cut = Math.max(0, text.length - longest + 1)
    for (const match of text.matchAll(pattern)) {
      if (match.index >= cut) break
      cut = Math.max(cut, match.index + match[0].length)
    }
    return cut
  }
}
