/** Secrets of a container as ECS reads them before the start: by ARN, ARN without its random end, or name; whole or one field. */
import { AwsError, callAws, type Emulator } from '../aws-json.ts'

export interface SecretReference {
  /** What GetSecretValue takes. */
  id: string
  field?: string
  versionStage?: string
  versionId?: string
}

/** `arn:aws:secretsmanager:region:account:secret:name:field:stage:version`, the last three possibly empty or absent; or a name. */
export function parseSecretReference(valueFrom: string): SecretReference {
  if (!valueFrom.startsWith('arn:')) return { id: valueFrom }
  const parts = valueFrom.split(':')
  if (parts[2] !== 'secretsmanager') throw new Error(`not a secret of Secrets Manager: ${valueFrom}`)
  const [field, versionStage, versionId] = parts.slice(7)
  return {
    id: parts.slice(0, 7).join(':'),
    ...(field && { field }),
    ...(versionStage && { versionStage }),
    ...(versionId && { versionId }),
  }
}

/** Why a task could not start for its secrets, in the words ECS has for it; names the secret, never a value. */
export class SecretError extends Error {}

const failed = (why: string) =>
  new SecretError(
    `ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): ${why}`,
  )

/** Values by the names of their environment variables. Throws SecretError. */
export async function resolveSecrets(
  emulator: Emulator,
  secrets: readonly { name: string; valueFrom: string }[],
): Promise<Record<string, string>> {
  const values: Record<string, string> = {}
  for (const { name, valueFrom } of secrets) values[name] = await resolveSecret(emulator, valueFrom)
  return values
}

async function resolveSecret(emulator: Emulator, valueFrom: string): Promise<string> {
  let reference: SecretReference
  try {
    reference = parseSecretReference(valueFrom)
  } catch (error) {
    throw failed((error as Error).message)
  }
  const { id, field, versionStage, versionId } = reference
  const text = await readSecret(emulator, id, {
    ...(versionStage && { VersionStage: versionStage }),
    ...(versionId && { VersionId: versionId }),
  })
  if (field === undefined) return text
  const value = fieldOf(text, field)
  if (value === undefined) throw failed(`retrieved secret from Secrets Manager did not contain json key ${field} (${id})`)
  return value
}

async function readSecret(emulator: Emulator, id: string, version: object): Promise<string> {
  try {
    const answer = (await callAws(emulator, 'secretsmanager', 'GetSecretValue', { SecretId: id, ...version })) as {
      SecretString?: unknown
    }
    if (typeof answer.SecretString === 'string') return answer.SecretString
    throw failed(`secret ${id} has no SecretString`)
  } catch (error) {
    if (error instanceof SecretError) throw error
    const code = error instanceof AwsError ? error.code : 'RequestError'
    throw failed(`failed to fetch secret ${id} from secrets manager: ${code}: ${(error as Error).message}`)
  }
}

function fieldOf(text: string, field: string): string | undefined {
  try {
    const value = (JSON.parse(text) as Record<string, unknown> | null)?.[field]
    return value === undefined || value === null ? undefined : typeof value === 'string' ? value : JSON.stringify(value)
  } catch {
    return undefined
  }
}
