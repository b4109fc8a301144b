/** Secret values of local mode: `.tidemill/secrets.yml` beside tidemill.yml, put into the emulator's Secrets Manager. */
import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { z } from 'zod/mini'
import { UserError } from '../shared/errors.ts'
import { AwsError, callAws, type Emulator } from './aws-json.ts'

const scalar = z.union([z.string(), z.number(), z.boolean()])
const file = z.record(z.string(), z.union([scalar, z.record(z.string(), scalar)]))

/** Name of the secret to its text: as written, or the JSON of a map of fields. No file: no secrets. Throws UserError. */
async function readSecretsFile(path: string): Promise<Record<string, string>> {
  const text = await readFile(path, 'utf8').catch(() => '')
  let parsed: unknown
  try {
    parsed = parse(text) ?? {}
  } catch (cause) {
    throw new UserError(`${path} is not YAML: ${(cause as Error).message.split('\n')[0]}`, { hint: FORM, cause })
  }
  const checked = file.safeParse(parsed)
  if (!checked.success)
    throw new UserError(`${path}: ${checked.error.issues[0]?.path.join('.') || 'the file'} is not a secret.`, { hint: FORM })
  return Object.fromEntries(
    Object.entries(checked.data).map(([name, value]) => [
      name,
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]),
  )
}

const FORM = 'One line for each secret, `name: value`, or its fields below the name, `field: value`.'

/** Stores the secrets, also changed ones; the names wanted that the emulator then still does not have. */
export async function loadSecrets(emulator: Emulator, path: string, wanted: readonly string[]): Promise<string[]> {
  for (const [name, SecretString] of Object.entries(await readSecretsFile(path)))
    await callAws(emulator, 'secretsmanager', 'CreateSecret', { Name: name, SecretString }).catch(error => {
      if (!(error instanceof AwsError && error.code === 'ResourceExistsException')) throw error
      return callAws(emulator, 'secretsmanager', 'PutSecretValue', { SecretId: name, SecretString })
    })
  const missing: string[] = []
  for (const name of new Set(wanted))
    await callAws(emulator, 'secretsmanager', 'DescribeSecret', { SecretId: name }).catch(error => {
      if (!(error instanceof AwsError && error.code === 'ResourceNotFoundException')) throw error
      missing.push(name)
    })
  return missing
}
