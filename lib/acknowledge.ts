import { Stack, Validations } from 'aws-cdk-lib'
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { IConstruct } from 'constructs'

/** Rules of cdk-nag that do not apply to a construct and what is below it, each with its reason. */
export function acknowledge(scope: IConstruct, rules: Record<string, string>): void {
  for (const [id, reason] of Object.entries(rules)) Validations.of(scope).acknowledge({ id, reason })
}

/** Wildcards of these statements and no others: cdk-nag names each finding by the action or the resource. */
export function acknowledgeWildcards(scope: IConstruct, statements: PolicyStatement[], reason: string): void {
  const resolve = (value: string) => rendered(Stack.of(scope).resolve(value))
  const found = statements.flatMap(({ actions, resources }) => [
    ...actions.map(action => `Action::${action}`),
    ...resources.map(resource => `Resource::${resolve(resource)}`),
  ])
  for (const finding of found.filter(finding => finding.includes('*')))
    acknowledge(scope, { [`AwsSolutions-IAM5[${finding}]`]: reason })
}

/** Text of a resolved value, as cdk-nag writes it: `<Logical.Arn>/runs/*`. */
function rendered(value: unknown): string {
  if (typeof value === 'string') return value
  const {
    Ref: ref,
    'Fn::GetAtt': attribute,
    'Fn::Join': join,
    'Fn::Sub': sub,
    'Fn::ImportValue': imported,
  } = value as Record<string, unknown>
  if (typeof imported === 'string') return imported
  if (typeof ref === 'string') return `<${ref}>`
  if (Array.isArray(attribute)) return `<${attribute.join('.')}>`
  if (Array.isArray(join)) return join[1].map(rendered).join(join[0])
  if (typeof sub === 'string') return sub.replace(/\$\{([^}]*)\}/g, '<$1>')
  throw new Error(`no text for ${JSON.stringify(value)}`)
}
