/** Evaluates the identity policies of a template as IAM does: a deny wins, an allow is needed, wildcards match, conditions must hold. */
import type { Resource, Template } from './synth.ts'

export interface Statement {
  effect: 'Allow' | 'Deny'
  actions: string[]
  resources: string[]
  conditions: Record<string, Record<string, string[]>>
}

export interface Request {
  action: string
  resource: string
  /** Keys of the request, as `ecs:cluster`; a key that is not there meets no condition. */
  context?: Record<string, string>
}

export function isAllowed(statements: readonly Statement[], request: Request): boolean {
  const matching = statements.filter(statement => applies(statement, request))
  return matching.some(({ effect }) => effect === 'Allow') && !matching.some(({ effect }) => effect === 'Deny')
}

function applies({ actions, resources, conditions }: Statement, { action, resource, context = {} }: Request): boolean {
  return (
    actions.some(pattern => matches(pattern.toLowerCase(), action.toLowerCase())) &&
    resources.some(pattern => matches(pattern, resource)) &&
    Object.entries(conditions).every(([operator, keys]) =>
      Object.entries(keys).every(([key, wanted]) => holds(operator, wanted, context[key])),
    )
  )
}

function holds(operator: string, wanted: string[], got: string | undefined): boolean {
  if (got === undefined) return false
  switch (operator) {
    case 'StringEquals':
    case 'Bool':
      return wanted.includes(got)
    case 'StringLike':
    case 'ArnEquals':
    case 'ArnLike':
      return wanted.some(pattern => matches(pattern, got))
    default:
      throw new Error(`condition ${operator} is not known to this test`)
  }
}

/** `*` is any text, also with slashes; `?` is one character. */
export function matches(pattern: string, text: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${expression}$`, 's').test(text)
}

/** Permissions of a role or managed policy; policies of AWS by their ARN are not looked into. */
export function statementsOf({ Type, Properties }: Resource): Statement[] {
  const documents =
    Type === 'AWS::IAM::Role'
      ? (Properties.Policies ?? []).map((policy: { PolicyDocument: unknown }) => policy.PolicyDocument)
      : [Properties.PolicyDocument]
  return documents.flatMap((document: { Statement: unknown[] }) => document.Statement.map(readStatement))
}

function readStatement(raw: unknown): Statement {
  const { Effect, Action, Resource, Condition = {}, ...others } = raw as Record<string, unknown>
  if (Effect !== 'Allow' && Effect !== 'Deny') throw new Error(`effect ${Effect}`)
  const unknown = Object.keys(others).filter(key => key !== 'Sid')
  if (unknown.length > 0) throw new Error(`${unknown} of a statement is not known to this test`)
  const conditions = Object.entries(Condition as Record<string, Record<string, unknown>>).map(([operator, keys]) => [
    operator,
    Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, list(value)])),
  ])
  return { effect: Effect, actions: list(Action), resources: list(Resource), conditions: Object.fromEntries(conditions) }
}

const list = (value: unknown): string[] => (Array.isArray(value) ? value : [value]).map(textOf)

const PSEUDO: Record<string, string> = { Partition: 'aws', Region: 'eu-central-1', AccountId: '111122223333' }

/** Text of a value of a template; a resource is known by its logical id: `arn:aws:s3:::<bucket>/runs/*`, `<Cluster.Arn>`. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  const { Ref: ref, 'Fn::GetAtt': attribute, 'Fn::Join': join, 'Fn::Sub': sub } = value as Record<string, unknown>
  if (typeof ref === 'string') return ref.startsWith('AWS::') ? (PSEUDO[ref.slice(5)] ?? `<${ref}>`) : `<${ref}>`
  if (Array.isArray(attribute)) return `<${attribute.join('.')}>`
  if (Array.isArray(join)) return join[1].map(textOf).join(join[0])
  if (typeof sub === 'string') return sub.replace(/\$\{([^}]*)\}/g, (_, name) => textOf({ Ref: name }))
  throw new Error(`no text for ${JSON.stringify(value)}`)
}

/** The one resource of a type whose logical id matches. */
export function find(template: Template, type: string, id: RegExp): Resource {
  return findEntry(template, type, id)[1]
}

/** ARN of {@link find}, as {@link textOf} writes it. */
export const findArn = (template: Template, type: string, id = /^/): string => `<${findEntry(template, type, id)[0]}.Arn>`

function findEntry(template: Template, type: string, id: RegExp): [string, Resource] {
  const found = Object.entries(template.resources).filter(([key, resource]) => resource.Type === type && id.test(key))
  const [first] = found
  if (!first || found.length > 1) throw new Error(`${found.length} of ${type} are called ${id}`)
  return first
}
