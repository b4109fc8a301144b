/** Colours and marks. Off, everything is plain text; the words carry the meaning in both cases. */

export interface Style {
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
  blue(text: string): string
  dim(text: string): string
  bold(text: string): string
}

const wrap = (enabled: boolean, code: number) => (text: string) => (enabled && text ? `\u001b[${code}m${text}\u001b[0m` : text)

export const makeStyle = (enabled: boolean): Style => ({
  red: wrap(enabled, 31),
  green: wrap(enabled, 32),
  yellow: wrap(enabled, 33),
  blue: wrap(enabled, 34),
  dim: wrap(enabled, 2),
  bold: wrap(enabled, 1),
})

/** https://no-color.org: any non-empty value switches colours off. */
export const wantsColor = (isTTY: boolean, env: Record<string, string | undefined>, flag: boolean): boolean =>
  flag && isTTY && !env.NO_COLOR && env.TERM !== 'dumb'

/** Mark of a run, step or node by its status. */
export function markOf(status: string): string {
  if (status === 'success') return '✓'
  if (status === 'warn') return '!'
  if (status === 'error' || status === 'fail') return '✗'
  if (status === 'cancelled') return '■'
  if (status === 'skipped' || status === 'no-op') return '–'
  if (status === 'running') return '◔'
  return '·'
}

export function paintStatus(style: Style, status: string, text: string): string {
  if (status === 'success') return style.green(text)
  if (status === 'warn') return style.yellow(text)
  if (status === 'error' || status === 'fail') return style.red(text)
  if (status === 'running' || status === 'starting') return style.blue(text)
  return style.dim(text)
}
