/** What went wrong while loading, in the words that are shown. */
import type { PageError } from '../shared/page-api.ts'

export interface Fault {
  /** HTTP status; 0: no answer. */
  status: number
  message: string
  hint?: string
  /** Where to sign in or out, hosted. */
  signIn?: string
  signOut?: string
}

export const faultError = (fault: Fault): Error => Object.assign(new Error(fault.message), { fault })

export function faultOf(error: unknown): Fault {
  const fault = (error as { fault?: Fault } | undefined)?.fault
  return fault ?? { status: 0, message: error instanceof Error ? error.message : String(error) }
}

export const isAbort = (error: unknown) => error instanceof Error && error.name === 'AbortError'

/** A refusal of the server; what is not JSON (a proxy, a server that is going down) is named by its status. */
export function refusalOf(status: number, text: string, what: string): Fault {
  const told = parseError(text)
  if (told) return { ...told, status }
  if (status === 401 || status === 403) return NOT_ALLOWED(status)
  if (status === 404) return { status, message: `${what} does not exist.` }
  return { status, message: `The server answered ${status} for ${what}.`, hint: 'It is asked again.' }
}

const NOT_ALLOWED = (status: number): Fault => ({
  status,
  message: 'This page was opened without a valid token.',
  hint: 'Open the address that `tidemill ui` has printed; the token is in it and holds as long as the program runs.',
})

export const NO_ANSWER: Fault = {
  status: 0,
  message: 'The server does not answer.',
  hint: 'If it is `tidemill ui`, see whether it still runs. It is asked again.',
}

function parseError(text: string): PageError | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const message = typeof value === 'object' && value !== null ? Reflect.get(value, 'message') : undefined
    return typeof message === 'string' ? (value as PageError) : undefined
  } catch {
    return undefined
  }
}
