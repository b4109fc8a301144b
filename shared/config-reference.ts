/** The reference of tidemill.yml for people and the JSON Schema for editors, both made from the schema. */
import * as z from 'zod/mini'
import { AFTERWORD } from './config-reference-afterword.ts'
import { FOREWORD, HEADINGS, SAME } from './config-reference-text.ts'
import { configSpec } from './config-schema.ts'
import { LIMIT } from './run.ts'
import { ATTEMPT_VARIABLE, EVENT_VARIABLE, FACTS } from './run-facts.ts'

/** The part of JSON Schema that the configuration's schema becomes. */
interface Json {
  type?: string
  description?: string
  default?: unknown
  examples?: unknown[]
  enum?: unknown[]
  const?: unknown
  anyOf?: Json[]
  items?: Json
  properties?: Record<string, Json>
  additionalProperties?: Json | boolean
  required?: string[]
  minimum?: number
  maximum?: number
}

/** For `# yaml-language-server: $schema=…`: completion, descriptions and most mistakes shown while typing. */
export function jsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(configSpec, { io: 'input', target: 'draft-7', override: keepExamples }) as Record<
    string,
    unknown
  >
  return { $schema, title: 'tidemill.yml', description: 'What Tidemill runs: projects, environments and jobs.', ...schema }
}

/** zod leaves out the examples of texts that are read into something else; ours are as the user writes them. */
function keepExamples({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodType; jsonSchema: Record<string, unknown> }): void {
  const examples = z.globalRegistry.get(zodSchema)?.examples
  if (examples) jsonSchema.examples = examples
}

/** `docs/configuration.md`. */
export function referencePage(): string {
  const sections: string[] = []
  describe(jsonSchema() as Json, '', sections)
  return `${[FOREWORD, ...sections, factsSection(), AFTERWORD].map(each => each.trim()).join('\n\n')}\n`
}

function factsSection(): string {
  const rows = Object.entries(FACTS).map(
    ([name, { meaning }]) => `| \`${name}\` | \`TIDEMILL_${name.toUpperCase()}\` | ${meaning} |`,
  )
  return `## What a run knows

dbt finds it in its environment, for \`env_var('TIDEMILL_DATE', '')\`, and a job gives it as variables: \`vars: { run_date: "{{ date }}" }\`, for
\`var('run_date')\`. A name stands for its text and for nothing else; there are no expressions. A variable one of whose names has no value in a run
(\`event_key\` in a scheduled one) is not given, so that the default in the project holds. With variables that differ from run to run dbt parses
the whole project each time; what it reads by \`env_var\` makes it parse only the files that read it.

| name | environment | |
| --- | --- | --- |
${rows.join('\n')}
| \`detail.<key>\` | | of an event: a text, number or boolean of its detail, at most five keys deep (\`detail.table.name\`) |
| | \`${EVENT_VARIABLE}\` | of an event: JSON with \`id\`, \`source\`, \`type\`, \`time\` and \`detail\` (null when longer than ${LIMIT.eventDetail} characters) |
| | \`${ATTEMPT_VARIABLE}\` | number of the attempt |

What comes from an event, a push or a request is somebody else's text: at most 1,024 characters a value, never part of a command. A model that
puts it into SQL has to quote it.`
}

/** A section for the object at `path`, then one for each object inside it. */
function describe(schema: Json, path: string, sections: string[]): void {
  const { heading, intro, example } = HEADINGS[path] ?? { heading: `\`${path}\`` }
  const rows = Object.entries(schema.properties ?? {}).map(([name, option]) => row(name, option, path, schema.required ?? []))
  const depth = path.replace(/\.<name>/g, '').split('.').length
  const title = `${path === '' ? '##' : depth > 1 ? '####' : '###'} ${heading}`
  const text = intro ?? schema.description ?? ''
  const table = ['| option | meaning | default |', '| --- | --- | --- |', ...rows].join('\n')
  sections.push([title, text, example ? `\`\`\`yaml\n${example.trim()}\n\`\`\`` : '', table].filter(Boolean).join('\n\n'))
  for (const [name, option] of Object.entries(schema.properties ?? {})) {
    const inner = objectIn(option)
    const here = path ? `${path}.${name}` : name
    if (inner && !SAME[here])
      describe({ ...inner.schema, ...(option.description && { description: option.description }) }, here + inner.suffix, sections)
  }
}

/** The object that an option holds: itself, one of a list, or the values of a map by name. */
function objectIn(option: Json): { schema: Json; suffix: string } | undefined {
  if (option.properties) return { schema: option, suffix: '' }
  const named = option.additionalProperties
  if (typeof named === 'object' && named.properties) return { schema: named, suffix: '.<name>' }
  for (const branch of option.anyOf ?? []) if (branch.properties) return { schema: branch, suffix: '' }
  return undefined
}

function row(name: string, option: Json, path: string, required: readonly string[]): string {
  const inner = objectIn(option)
  const own = `${path ? `${path}.${name}` : name}${inner?.suffix ?? ''}`
  const here = SAME[own] ?? own
  const label = inner ? `[\`${name}\`](#${anchor(HEADINGS[here]?.heading ?? `\`${here}\``)})` : `\`${name}\``
  const allowed = inner ? '' : valuesOf(option)
  const examples = !inner && option.examples?.length ? `E.g. ${option.examples.map(inline).join(', ')}.` : ''
  const meaning = [option.description ?? '', allowed, examples].filter(Boolean).join(' ')
  return `| ${[label, meaning, defaultOf(name, option, required)].map(cell).join(' | ')} |`
}

function defaultOf(name: string, option: Json, required: readonly string[]): string {
  if (required.includes(name)) return 'required'
  if (option.default === undefined) return ''
  const empty = typeof option.default === 'object' && option.default !== null && Object.keys(option.default).length === 0
  return empty || option.default === '' ? '' : inline(option.default)
}

function valuesOf(option: Json): string {
  if (option.const !== undefined) return `Always ${inline(option.const)}.`
  const values = option.enum ?? option.items?.enum
  if (values?.every(value => option.description?.includes(inline(value)))) return ''
  if (values) return `${option.items ? 'A list of' : 'One of'} ${values.map(inline).join(', ')}.`
  if (option.type === 'boolean') return ''
  return option.minimum !== undefined && option.maximum !== undefined ? `${option.minimum} to ${option.maximum}.` : ''
}

/** A value as it would be written in YAML on one line. */
function inline(value: unknown): string {
  return `\`${flow(value)}\``
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value)
      .map(([key, each]) => `${key}: ${flow(each)}`)
      .join(', ')} }`
  if (typeof value !== 'string') return JSON.stringify(value)
  return /^[\w./+:@-][\w .:/+@-]*$/.test(value) && !/: |^[\d.]+$/.test(value) ? value : JSON.stringify(value)
}

/** As GitHub makes it from a heading. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
