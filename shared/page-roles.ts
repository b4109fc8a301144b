/** Who may do what on the pages. */
import type { ApiRequest } from './api.ts'

/** Each may do what the one before may. */
export const ROLES = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]
export const mayAct = (role: Role, operation: ApiRequest['operation']) =>
  // One that is not known here may be known to an api that is newer: whoever may do all may ask it.
  ROLES.indexOf(role) >= ROLES.indexOf(Object.hasOwn(ROLE_OF_OPERATION, operation) ? ROLE_OF_OPERATION[operation] : 'admin')

/** Who works a run or a job is an operator; what touches many jobs at once is left to an admin. */
const ROLE_OF_OPERATION: Record<ApiRequest['operation'], Role> = {
  whoami: 'viewer',
  run: 'operator',
  cancel: 'operator',
  retry: 'operator',
  rerun: 'operator',
  pause: 'operator',
  resume: 'operator',
  backfill: 'admin',
  notify: 'admin',
  rebuild: 'admin',
}
