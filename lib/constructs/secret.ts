import { ArnFormat, Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import type { SecretRef } from '../../shared/config-model.ts'

const isArn = (name: string) => name.startsWith('arn:')

/** ARN without the six characters that Secrets Manager adds: what `valueFrom` of a container takes. */
function arnOf(scope: Construct, secret: SecretRef): string {
  if (isArn(secret.name)) return secret.name
  return Stack.of(scope).formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName: secret.name,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  })
}

/** `valueFrom` of a container's secret: the whole secret, or one field of its JSON. */
export const secretValueFrom = (scope: Construct, secret: SecretRef): string =>
  secret.field === null ? arnOf(scope, secret) : `${arnOf(scope, secret)}:${secret.field}::`

/** Resource of a policy: a secret known by name has six random characters behind it, and `?` is exactly one. */
export const secretResource = (scope: Construct, secret: SecretRef): string =>
  isArn(secret.name) ? secret.name : `${arnOf(scope, secret)}-??????`
