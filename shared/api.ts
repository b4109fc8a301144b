/** Operations of the `api` function: one POST with a JSON body, signed with AWS Signature Version 4 (service `lambda`). */
import type { RunOverrides, RunRecord } from './run.ts'

export type ApiRequest =
  | { operation: 'run'; job: string; idempotencyKey: string; overrides?: RunOverrides }
  | { operation: 'cancel'; run: string }
  /** Has a finished run go on with another attempt. */
  | { operation: 'retry'; run: string }
  | { operation: 'pause' | 'resume'; job: string }

export type ApiResponse =
  | { ok: true; run?: RunRecord /** The run existed already for this idempotency key. */; existed?: boolean; message: string }
  | { ok: false /** HTTP status as well. */; status: 400 | 403 | 404 | 409 | 500; message: string; hint?: string }
