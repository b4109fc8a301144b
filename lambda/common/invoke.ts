/** Asynchronous calls between our Lambdas. Each may be lost or come twice: what they do is safe to repeat, and the sweeper calls too. */
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda'

/** Payload of the dispatcher: runs that the index may not show yet; none: look at the whole line. */
export interface DispatchRequest {
  runs?: string[]
  /** Runs whose stored RunTask call may never have been made. */
  repair?: string[]
}
/** Payload of the finisher beside ECS events: final runs with open effects. */
export interface EffectsRequest {
  effects: string[]
}
/** Payload of the notifier: partition keys of messages; none: look for all that are not sent. */
export interface NotifyRequest {
  messages?: string[]
}
/** Payload of the compactor; nothing: what is noted and not done. */
export interface CompactRequest {
  /** A day (YYYY-MM-DD, UTC) of which a run has new files in the history: all of it is read, unless the runs are named. */
  day?: string
  runs?: string[]
  /** The work of the day: closed days and months, what is too old, what is no longer used. */
  daily?: true
  /** The history of these days (YYYY-MM-DD, UTC) is written anew. */
  rebuild?: { from: string; to: string }
}

export type Invoke<T> = (payload: T) => Promise<void>

export const makeInvoke =
  <T>(client: LambdaClient, functionName: string): Invoke<T> =>
  async payload => {
    await client.send(
      new InvokeCommand({
        FunctionName: functionName,
        InvocationType: 'Event',
        Payload: new TextEncoder().encode(JSON.stringify(payload)),
      }),
    )
  }

/** A synchronous call: what the function answers. Throws when it failed. */
export const makeCall =
  <T, A>(client: LambdaClient, functionName: string): ((payload: T) => Promise<A>) =>
  async payload => {
    const { FunctionError, Payload } = await client.send(
      new InvokeCommand({ FunctionName: functionName, Payload: new TextEncoder().encode(JSON.stringify(payload)) }),
    )
    const text = new TextDecoder().decode(Payload)
    if (FunctionError) throw new Error(`${functionName} failed: ${text.slice(0, 500)}`)
    return JSON.parse(text) as A
  }
