/** Outside data, of which nothing is known yet. */
export type Fields = Record<string, unknown>

/** Those of an object or list; of anything else there are none. */
export const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {})

/** Undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
