import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { createRedactor, MASK } from '../../container/runner/redact.ts'

// Made up, with the characters that encodings change.
const SECRET = 'pa/ss+wö"rd %1'
const redact = createRedactor([SECRET, 'line one of key\nline two of key', 'short'])

const forms: Record<string, string> = {
  'as it is': SECRET,
  'URL-encoded': encodeURIComponent(SECRET),
  'URL-encoded, lower case': encodeURIComponent(SECRET).replace(/%../g, hex => hex.toLowerCase()),
  'URL-encoded but for the slash': encodeURIComponent(SECRET).replace('%2F', '/'),
  'URL-encoded with plus for spaces': encodeURIComponent(SECRET).replace('%20', '+'),
  'in JSON': JSON.stringify(SECRET).slice(1, -1),
  'in JSON of Python': JSON.stringify(SECRET).slice(1, -1).replace('ö', '\\u00f6'),
  'a line of it': 'line two of key',
  'in JSON, several lines': JSON.stringify('line one of key\nline two of key'),
}
for (const [name, form] of Object.entries(forms))
  test(`fault 28: a secret is masked ${name}`, () => {
    const masked = redact.text(`before ${form} after`)
    assert.ok(masked.includes(MASK), masked)
    assert.ok(!masked.includes(form))
    assert.ok(masked.startsWith('before ') && masked.endsWith(' after'))
  })

for (const offset of [0, 1, 2])
  for (const encoding of ['base64', 'base64url'] as const)
    test(`fault 28: a secret is masked in ${encoding} at offset ${offset}`, () => {
      const encoded = Buffer.from(`${'u'.repeat(offset)}${SECRET}:tail`).toString(encoding)
      const masked = redact.text(encoded)
      assert.ok(masked.includes(MASK))
      // What is left decodes to no more than the two characters at the edges.
      for (const piece of masked.split(MASK)) assert.ok(!Buffer.from(piece, 'base64').toString().includes('ss+w'))
    })

test('short values are left alone, as they would mask ordinary words', () => {
  assert.equal(redact.text('a short story'), 'a short story')
})

test('fault 28: a secret is masked wherever a stream is cut', async () => {
  const text = `${'x'.repeat(40)}${SECRET}${'y'.repeat(40)}`
  const bytes = Buffer.from(text)
  for (let cut = 1; cut < bytes.length; cut++) {
    const chunks = await Readable.from([bytes.subarray(0, cut), bytes.subarray(cut)])
      .pipe(redact.stream())
      .toArray()
    assert.equal(Buffer.concat(chunks).toString(), `${'x'.repeat(40)}${MASK}${'y'.repeat(40)}`)
  }
})

test('without secrets a stream passes bytes that are no text', async () => {
  const bytes = Buffer.from([0xff, 0xfe, 0, 65])
  const chunks = await Readable.from([bytes]).pipe(createRedactor([]).stream()).toArray()
  assert.deepEqual(Buffer.concat(chunks), bytes)
})
