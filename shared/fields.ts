/** Outside data, of which nothing is known yet. */
export type Fields = Record<string, unknown>

/** Those of an object or list; of anything else there are none. */
export const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {})
