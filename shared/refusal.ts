/**
 * What a reader of a user's text answers when it cannot accept it: why, and what to write. The text itself is shown
 * before it, so it reads on from there (`"Mars" is not a time zone`) or starts with the part that is meant (`"&&" joins commands`).
 */
export interface Refusal {
  refused: string
  /** The text is or holds a secret and must not be shown. */
  hide?: true
}
export const refuse = (refused: string): Refusal => ({ refused })

export const isRefusal = (value: unknown): value is Refusal => typeof value === 'object' && value !== null && 'refused' in value

/** A sentence with the text that was refused. */
export function refusalText(text: string, { refused, hide }: Refusal): string {
  if (hide) return refused
  const shown = text.length > 80 ? `${text.slice(0, 79)}…` : text
  return `"${shown}"${/^[a-z]/.test(refused) ? '' : ':'} ${refused}`
}
