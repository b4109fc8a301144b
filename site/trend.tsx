/** A chart of durations or ages over runs: one bar each, newest at the right. The table beside it says the same. */
import { formatDuration } from '../shared/format.ts'

export interface TrendBar {
  key: string
  /** Seconds. */
  value: number
  status: string
  label: string
}
const HEIGHT = 90
const BAR = 10

interface TrendProps {
  bars: TrendBar[]
  label: string
  line?: number | undefined
  /** What the line is: `usual`, or a limit. */
  means: string
}

export function Trend({ bars, label, line, means }: TrendProps) {
  if (bars.length === 0) return null
  const most = Math.max(...bars.map(bar => bar.value), line ?? 0, 0.001)
  const width = Math.max(bars.length, 20) * BAR
  const y = (value: number) => HEIGHT - (value / most) * (HEIGHT - 4)
  return (
    <figure class="chart">
      <svg viewBox={`0 0 ${width} ${HEIGHT}`} preserveAspectRatio="none" height={HEIGHT} role="img" aria-label={label}>
        {bars.map((bar, i) => (
          <rect
            key={bar.key}
            class={`bar is-${bar.status}`}
            x={width - (bars.length - i) * BAR + 1}
            width={BAR - 2}
            y={Math.min(y(bar.value), HEIGHT - 3)}
            height={Math.max(HEIGHT - y(bar.value), 3)}
          >
            <title>{bar.label}</title>
          </rect>
        ))}
        {line !== undefined && <line class="usual-line" x1="0" x2={width} y1={y(line)} y2={y(line)} />}
      </svg>
      <figcaption class="dim">
        {label}; highest {formatDuration(most)}
        {line !== undefined && `, dashed: ${means} ${formatDuration(line)}`}
      </figcaption>
    </figure>
  )
}
