/** After a pause of the local cloud: the sweeper looks at once for what was missed, not at its next five minutes. */
import { functionName } from '../shared/resource-names.ts'
import { type Emulator, signedHeaders } from './aws-json.ts'

/** Without a sweeper (nothing deployed, or a deployment cut off) nothing happens; it comes by itself anyway. */
export async function startSweeper(emulator: Emulator, installation: string): Promise<void> {
  const path = `/2015-03-31/functions/${functionName(installation, 'sweeper')}/invocations`
  await fetch(emulator.endpoint + path, {
    method: 'POST',
    headers: { ...signedHeaders(emulator, 'lambda'), 'x-amz-invocation-type': 'Event' },
    body: '{}',
    signal: AbortSignal.timeout(10_000),
  }).catch(() => undefined)
}
