/** Signatures of calls. Every comparison takes the same time whatever it compares, and looks at all valid secrets. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** HMAC-SHA256 of the bytes, in hexadecimal as it came with the call. */
export function isSigned(bytes: Buffer | string, signature: string, secrets: readonly string[]): boolean {
  if (!/^[0-9a-f]{64}$/i.test(signature)) return false
  const given = Buffer.from(signature, 'hex')
  return secrets.map(secret => timingSafeEqual(createHmac('sha256', secret).update(bytes).digest(), given)).some(Boolean)
}

/** A secret sent as it is, compared by hashes of one length. */
export function isSecret(token: string, secrets: readonly string[]): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  const given = hash(token)
  return secrets.map(secret => timingSafeEqual(hash(secret), given)).some(Boolean)
}

/** `t=<unix seconds>,v1=<hex>`; what is signed is `<t>.<body>`, so that an old call cannot be sent again later. */
export const SIGNATURE_HEADER = 'x-tidemill-signature'
/** Seconds that the clock of a caller may be off. */
export const MAX_SKEW = 300

export function parseSignature(header: string | undefined): { at: number; signature: string } | undefined {
  const [, at = '', signature = ''] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/i.exec(header ?? '') ?? []
  return signature ? { at: Number(at), signature } : undefined
}

export const isSignedAt = (body: Buffer, { at, signature }: { at: number; signature: string }, secrets: readonly string[]) =>
  isSigned(Buffer.concat([Buffer.from(`${at}.`), body]), signature, secrets)
