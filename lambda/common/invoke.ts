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
