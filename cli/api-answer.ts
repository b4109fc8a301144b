import type { ApiResponse } from '../shared/api.ts'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'

/** The answer of the api, or its refusal as an error for people. */
export function unwrap(response: ApiResponse): ApiResponse & { ok: true } {
  if (response.ok) return response
  // A run that was made and skipped ends like one that was waited for. Otherwise: what the caller can mend by asking
  // differently is usage, the rest is a matter of rights or of the installation.
  const infrastructure = response.run !== undefined || response.status === 403 || response.status === 500
  throw new UserError(response.message, {
    ...(response.hint !== undefined && { hint: response.hint }),
    exitCode: infrastructure ? EXIT.infrastructure : EXIT.usage,
  })
}
