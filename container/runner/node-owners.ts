/** Whose the failing nodes are: group, owner, tags and meta, which only the manifest tells. */
import { createReadStream } from 'node:fs'
import { LIMIT, type NodeResult } from '../../shared/run.ts'
import { recordOf, stringOf } from './dbt-events.ts'

/** A node with its compiled code is rarely larger; one that is stays without an owner. */
const OBJECT_CHARACTERS = 2 * 1024 * 1024

type Fields = Record<string, unknown>

/** Fills in the first of those that did not end well; the message names no others. Without a manifest nothing changes. */
export async function addOwners(manifest: string, nodes: readonly NodeResult[]): Promise<void> {
  const wanted = nodes.filter(({ status }) => status === 'error' || status === 'fail' || status === 'warn')
  // As the record keeps them: those that could not be built, then tests.
  const first = [...wanted.filter(isModel), ...wanted.filter(node => !isModel(node))].slice(0, 2 * LIMIT.failures)
  if (!first.length) return
  try {
    const own = await readObjects(
      manifest,
      first.map(node => node.uniqueId),
    )
    const parents = await readObjects(
      manifest,
      [...own.values()].flatMap(fields => parentOf(fields) ?? []),
    )
    const all = new Map([...parents, ...own])
    const groups = await readObjects(
      manifest,
      [...all.values()].flatMap(fields => groupKey(fields) ?? []),
    )
    for (const node of first) {
      const fields = own.get(node.uniqueId)
      if (fields) Object.assign(node, ownership(fields, parents.get(parentOf(fields) ?? ''), groups))
    }
  } catch {
    // Not to be read: everything goes to those who hear of what nobody owns.
  }
}

const isModel = (node: NodeResult) => node.resourceType !== 'test' && node.resourceType !== 'unit_test'

/** The model a test is about. */
function parentOf(fields: Fields): string | undefined {
  if (fields.resource_type !== 'test' && fields.resource_type !== 'unit_test') return undefined
  const depends = recordOf(fields.depends_on).nodes
  return stringOf(fields.attached_node) ?? (Array.isArray(depends) && depends.length === 1 ? stringOf(depends[0]) : undefined)
}

const groupOf = (fields: Fields) => stringOf(fields.group) ?? stringOf(recordOf(fields.config).group)
const groupKey = (fields: Fields) => {
  const group = groupOf(fields)
  return group && `group.${stringOf(fields.package_name) ?? ''}.${group}`
}

/** What a test does not say itself, its model says. */
function ownership(
  own: Fields,
  parent: Fields | undefined,
  groups: ReadonlyMap<string, Fields>,
): Pick<NodeResult, 'owners' | 'group' | 'tags' | 'meta'> {
  const sources = [own, ...(parent ? [parent] : [])]
  const meta = Object.assign({}, ...sources.map(metaOf).reverse()) as Fields
  const placed = sources.find(groupOf)
  const group = placed && groupOf(placed)
  const { name, email } = recordOf(groups.get((placed && groupKey(placed)) ?? '')?.owner)
  const owners = texts([
    ...(Array.isArray(meta.owner) ? meta.owner : [meta.owner]),
    name,
    ...(Array.isArray(email) ? email : [email]),
  ])
  const tags = texts(sources.flatMap(({ tags }) => (Array.isArray(tags) ? tags : [tags])))
  const words = Object.entries(meta).flatMap(([key, value]) => {
    const [text] = texts([value])
    return text === undefined || key.length > MAX_TEXT ? [] : [[key, text]]
  })
  return {
    ...(owners.length && { owners: owners.slice(0, 5) }),
    ...(group && { group: group.slice(0, MAX_TEXT) }),
    ...(tags.length && { tags: tags.slice(0, 20) }),
    ...(words.length && { meta: Object.fromEntries(words.slice(0, 10)) }),
  }
}

const metaOf = (fields: Fields): Fields => ({ ...recordOf(fields.meta), ...recordOf(recordOf(fields.config).meta) })

const MAX_TEXT = 100
const texts = (values: readonly unknown[]) => [
  ...new Set(
    values.flatMap(value =>
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? String(value).trim().slice(0, MAX_TEXT) || []
        : [],
    ),
  ),
]

/** The objects under these keys anywhere in a JSON file, which may be too large to parse. */
async function readObjects(path: string, keys: readonly string[]): Promise<Map<string, Fields>> {
  const found = new Map<string, Fields>()
  if (!keys.length) return found
  const escaped = [...new Set(keys)].map(key => JSON.stringify(key).replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const start = new RegExp(`(${escaped.join('|')}): ?\\{`, 'g')
  // A key and its colon may lie across two pieces.
  const longest = Math.max(...keys.map(key => JSON.stringify(key).length)) + 4
  let held = ''
  for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
    held += chunk
    for (;;) {
      start.lastIndex = 0
      const match = start.exec(held)
      if (!match) {
        held = held.slice(-longest)
        break
      }
      const open = match.index + match[0].length - 1
      const end = endOfObject(held, open)
      if (end === undefined && held.length - open < OBJECT_CHARACTERS) {
        held = held.slice(match.index)
        break
      }
      const key = JSON.parse(match[1] ?? '""') as string
      if (end !== undefined && !found.has(key)) found.set(key, recordOf(JSON.parse(held.slice(open, end))))
      held = held.slice(end ?? open + 1)
    }
    if (found.size === escaped.length) break
  }
  return found
}

/** Index behind the brace that closes the one at `open`; undefined: it is not there yet. */
function endOfObject(text: string, open: number): number | undefined {
  const marks = /["{}]/g
  marks.lastIndex = open
  let depth = 0
  for (let mark = marks.exec(text); mark; mark = marks.exec(text)) {
    if (mark[0] === '"') {
      const close = endOfString(text, mark.index)
      if (close === undefined) return undefined
      marks.lastIndex = close
    } else {
      depth += mark[0] === '{' ? 1 : -1
      if (depth === 0) return mark.index + 1
    }
  }
  return undefined
}

function endOfString(text: string, quote: number): number | undefined {
  for (let at = text.indexOf('"', quote + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = 0
    while (text[at - 1 - slashes] === '\\') slashes++
    if (slashes % 2 === 0) return at + 1
  }
  return undefined
}
