/** Masks secret values in everything that leaves the process. */
import { Transform } from 'node:stream'
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
  const forms = [...new Set(secrets.flatMap(formsOf))].sort((a, b) => b.length - a.length)
  if (forms.length === 0)
    return { text: value => value, stream: () => new Transform({ transform: (c, _, done) => done(null, c) }) }
  const pattern = new RegExp(forms.map(escapePattern).join('|'), 'g')
  const longest = forms[0]?.length ?? 0
  const text = (value: string) => value.replace(pattern, MASK)
  return { text, stream: () => maskingStream(pattern, longest, text) }
}

/** The ways a value shows up in logs: as it is, line by line, and in the encodings that tools apply. */
function formsOf(secret: string): string[] {
  const lines = [secret, ...secret.split(/\r?\n/).map(line => line.trim())]
  return lines
    .filter(value => value.length >= SHORTEST)
    .flatMap(value => {
      const json = JSON.stringify(value).slice(1, -1)
      const url = encodeURIComponent(value)
      const plus = url.replaceAll('%20', '+')
      return [
        value,
        json,
        json.replaceAll('/', '\\/'),
        escapeAscii(json),
        url,
        plus,
        url.replace(/%../g, hex => hex.toLowerCase()),
        ...base64Forms(value),
      ]
    })
    .filter(form => form.length >= SHORTEST)
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
