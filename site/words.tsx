/** Small parts of every page: status, times, foreign text, notes. */
import type { ComponentChildren } from 'preact'
import { formatDateTime, formatDay, formatDuration, formatRelative, oneLine, stripControls } from '../shared/format.ts'
import { isReason, REASON_LABELS } from '../shared/reason-labels.ts'
import type { Fault } from './fault.ts'

/** A mark beside the word, so that nothing is told by colour alone. */
const MARKS: Record<string, string> = {
  success: '✓',
  warn: '!',
  error: '✗',
  fail: '✗',
  cancelled: '■',
  skipped: '–',
  'no-op': '–',
  running: '◔',
  starting: '◔',
}
export const markOf = (status: string) => MARKS[status] ?? '·'
export const Mark = ({ status }: { status: string }) => (
  <span class={`mark is-${status}`} aria-hidden="true">
    {markOf(status)}
  </span>
)

/** `✗ models failed`: the reason where there is one, as it says more than the status. */
export const Status = ({ status, reason }: { status: string; reason?: string | undefined }) => (
  <span class={`status is-${status}`}>
    <Mark status={status} /> {wordsOf(status, reason)}
  </span>
)
export const wordsOf = (status: string, reason?: string | undefined) =>
  isReason(reason) && status !== 'success'
    ? status === 'error' || status === 'skipped'
      ? `${status}: ${REASON_LABELS[reason]}`
      : REASON_LABELS[reason]
    : status

export const viewerZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'

/** A time in the viewer's zone; on hover also in the job's and in UTC. */
export function Time({ at, now, zone = 'UTC', relative }: { at: string; now: Date; zone?: string; relative?: boolean }) {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return <span>unknown</span>
  const own = viewerZone()
  const zones = [...new Set([own, zone, 'UTC'])].map(each => formatDateTime(date, each))
  return (
    <time dateTime={date.toISOString()} title={zones.join('\n')}>
      {relative ? formatRelative(date, now) : formatDay(date, now, own)}
    </time>
  )
}

export const Took = ({ seconds }: { seconds: number | undefined }) => <>{seconds === undefined ? '' : formatDuration(seconds)}</>

/** Text of strangers on one line; all of it, up to a bound, on hover. */
export function Text({ of, max = 160 }: { of: string | undefined; max?: number }) {
  const text = of ?? ''
  const line = oneLine(text, max)
  const whole = stripControls(text.slice(0, 1000))
  return (
    <bdi class="foreign" {...(line === whole ? {} : { title: whole })}>
      {line}
    </bdi>
  )
}

/** Links lead only to the web: an address may come from a stranger. */
export function Link({ href, children }: { href: string; children: ComponentChildren }) {
  return /^https?:\/\//i.test(href) ? (
    <a href={href} rel="noreferrer noopener" target="_blank">
      {children}
    </a>
  ) : (
    children
  )
}

export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <div class="note empty">
    <p class="note-title">{title}</p>
    {children}
  </div>
)

/** `stale`: what is shown below is the newest that came. */
export const FaultNote = ({ fault, stale, retry }: { fault: Fault; stale?: boolean; retry?: () => void }) => (
  <div class={`note fault ${stale ? 'is-stale' : ''}`} role="alert">
    <p class="note-title">
      <Mark status="error" /> <Text of={fault.message} max={400} />
    </p>
    {fault.hint && (
      <p>
        <Text of={fault.hint} max={400} />
      </p>
    )}
    {stale && <p>What is shown is the newest that came.</p>}
    {retry && (
      <button type="button" onClick={retry}>
        Try again
      </button>
    )}
  </div>
)

/** Only after a moment, so that what comes at once does not flicker. */
export const Loading = ({ what }: { what: string }) => (
  <p class="loading" role="status">
    Loading {what} …
  </p>
)

export function Copy({ text }: { text: string }) {
  return (
    <span class="command">
      <code>{text}</code>
      <button type="button" class="quiet" aria-label={`Copy: ${text}`} onClick={event => void copy(text, event.currentTarget)}>
        Copy
      </button>
    </span>
  )
}
async function copy(text: string, button: HTMLButtonElement) {
  await navigator.clipboard.writeText(text)
  button.textContent = 'Copied'
  setTimeout(() => (button.textContent = 'Copy'), 1500)
}
