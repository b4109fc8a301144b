/** Reads the plan: the one input of the runner besides secrets. */
import { createHash } from 'node:crypto'
import { isReadable, SCHEMA_VERSION } from '../../shared/contract.ts'
import type { Plan, Resume } from '../../shared/plan.ts'
import { parseResume } from '../../shared/resume.ts'

/**
 * The plan from its bytes. The hash came with the RunTask call, so a plan that was changed afterwards is refused; what it
 * contains was made by our dispatcher, and only its version and outline are checked.
 */
export function parsePlan(bytes: Uint8Array, sha256: string): Plan {
  const actual = createHash('sha256').update(bytes).digest('hex')
  if (actual !== sha256)
    throw new Error(`plan has SHA-256 ${actual}, expected ${sha256}: it was changed after the run was dispatched`)
  const plan: unknown = JSON.parse(new TextDecoder().decode(bytes))
  if (!isRecord(plan)) throw new Error('plan is not an object')
  if (!isReadable(plan.schemaVersion))
    throw new Error(
      `plan has version ${String(plan.schemaVersion)}; this image reads version ${SCHEMA_VERSION}. Deploy again to renew the image`,
    )
  for (const key of ['run', 'repository', 'dbt', 'variables', 'prefixes'])
    if (!isRecord(plan[key])) throw new Error(`plan has no "${key}"`)
  for (const key of ['steps', 'secrets']) if (!Array.isArray(plan[key])) throw new Error(`plan has no "${key}"`)
  return plan as unknown as Plan
}

/** What earlier attempts did, if there were any; its hash is in the plan. */
export async function readResume(plan: Plan, get: (key: string) => Promise<Uint8Array>): Promise<Resume | undefined> {
  if (!plan.resume) return undefined
  const bytes = await get(plan.resume.key)
  const actual = createHash('sha256').update(bytes).digest('hex')
  if (actual !== plan.resume.sha256) throw new Error(`${plan.resume.key} has SHA-256 ${actual}, expected ${plan.resume.sha256}`)
  return parseResume(new TextDecoder().decode(bytes), plan.run.id)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
