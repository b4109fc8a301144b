/** Bytes to lines, whatever a program prints. */

/** Longest line that is kept; what is beyond is counted. dbt's own longest (compiled SQL in a debug event) are about 1 MB. */
const LONGEST_LINE = 8 * 1024 * 1024

export interface LineReader {
  /** Lines that the chunk completes, without their ends. Invalid UTF-8 becomes U+FFFD. */
  push(chunk: Buffer): string[]
  /** What is left after the last line end. */
  end(): string[]
}

export function createLineReader(longest = LONGEST_LINE): LineReader {
  let pieces: Buffer[] = []
  let length = 0
  let cut = 0
  const keep = (piece: Buffer) => {
    const room = Math.max(0, longest - length)
    if (piece.length > room) cut += piece.length - room
    if (room > 0 && piece.length > 0) pieces.push(piece.subarray(0, room))
    length += Math.min(room, piece.length)
  }
  const take = () => {
    const text = Buffer.concat(pieces).toString('utf8').replace(/\r$/, '')
    const line = cut > 0 ? `${text} … (${cut} bytes more)` : text
    pieces = []
    length = 0
    cut = 0
    return line
  }
  return {
    push(chunk) {
      const lines: string[] = []
      let start = 0
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, start)) {
        keep(chunk.subarray(start, at))
        lines.push(take())
        start = at + 1
      }
      // A copy: the chunk's memory belongs to the stream.
      if (start < chunk.length) keep(Buffer.from(chunk.subarray(start)))
      return lines
    },
    end: () => (length > 0 ? [take()] : []),
  }
}

/** Colours and cursor movement, which no stored log should hold. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const ANSI = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_])/g
export const plainText = (text: string) => text.replace(ANSI, '')
