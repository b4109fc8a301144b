/** What is paused, since when, and by whom. */
import type { Pause } from '../shared/page-api.ts'
import { triggerWords } from './rows.ts'
import { Mark, Text, Time } from './words.tsx'

/** `own`: of the job that stands beside it. */
export const Paused = ({ pause: { of, name, at, actor }, now, own }: { pause: Pause; now: Date; own?: boolean }) => (
  <span class="is-warn">
    <Mark status="cancelled" /> {!(own && of === 'job') && <Text of={`${of} ${name}`} max={120} />} paused since{' '}
    <Time at={at} now={now} /> by <Text of={triggerWords({ trigger: 'request', by: actor })} max={60} />
  </span>
)
