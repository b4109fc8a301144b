/** Hooks: the address, the clock, and what is loaded. */
import { useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks'
import { type Fault, faultOf, isAbort } from './fault.ts'
import { hrefOf, parseRoute, type Query, type Route } from './route.ts'

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const change = () => setHash(location.hash)
    addEventListener('hashchange', change)
    return () => removeEventListener('hashchange', change)
  }, [])
  return useMemo(() => parseRoute(hash), [hash])
}

/** Changes the query of the address in place: back leads to the page before, not to the filter before. */
export function changeQuery(change: Query): void {
  const { path, query } = parseRoute(location.hash)
  history.replaceState(null, '', hrefOf(path, { ...Object.fromEntries(query), ...change }))
  dispatchEvent(new HashChangeEvent('hashchange'))
}

/** The time, anew every so many milliseconds. */
export function useNow(every: number): Date {
  const [now, tick] = useReducer(() => new Date(), new Date())
  useEffect(() => {
    const timer = setInterval(() => document.hidden || tick(undefined), every)
    return () => clearInterval(timer)
  }, [every])
  return now
}

export interface Loaded<T> {
  /** The newest that came; stays while it is loaded again and when that fails. */
  value?: T
  fault?: Fault
  loading: boolean
  reload(): void
}

interface LoadOptions<T> {
  /** Milliseconds between two looks; undefined or false: once. */
  every?: ((value: T) => number | false) | undefined
}
/** The longest wait after looks that failed, milliseconds. */
const LONGEST_WAIT = 60_000

/** Loads whenever `on` changes, and again as told: not while the page is hidden, and rarer while it fails. */
export function useLoad<T>(
  load: (signal: AbortSignal) => Promise<T>,
  on: readonly unknown[],
  options: LoadOptions<T> = {},
): Loaded<T> {
  const [state, setState] = useState<{ key: string; value?: T; fault?: Fault; loading: boolean }>({ key: '', loading: true })
  const [round, again] = useReducer((count: number) => count + 1, 0)
  const latest = useRef({ load, options })
  latest.current = { load, options }
  const key = JSON.stringify(on)
  useEffect(() => {
    const control = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    let failed = 0
    let due = false
    const look = async () => {
      due = false
      try {
        const value = await latest.current.load(control.signal)
        if (control.signal.aborted) return
        failed = 0
        setState({ key, value, loading: false })
        plan(latest.current.options.every?.(value))
      } catch (error) {
        if (control.signal.aborted || isAbort(error)) return
        const fault = faultOf(error)
        failed += 1
        setState(before => ({ ...(before.key === key ? before : { key }), fault, loading: false }))
        // What is refused stays refused.
        if (latest.current.options.every && fault.status !== 401 && fault.status !== 403)
          plan(Math.min(LONGEST_WAIT, 2500 * 2 ** failed))
      }
    }
    const plan = (wait: number | false | undefined) => {
      if (wait)
        timer = setTimeout(() => {
          if (document.hidden) due = true
          else void look()
        }, wait)
    }
    const shown = () => !document.hidden && due && void look()
    document.addEventListener('visibilitychange', shown)
    void look()
    return () => {
      control.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', shown)
    }
  }, [key, round])
  const own = state.key === key
  return {
    ...(own && state.value !== undefined && { value: state.value }),
    ...(own && state.fault && { fault: state.fault }),
    loading: !own || state.loading,
    reload: () => again(undefined as never),
  }
}
