/** What the schema knows by place: the keys of an object at a path, and the places that have a key. */
import type * as z from 'zod/mini'
import type { KeyPath } from './config-file.ts'

type Schema = z.core.$ZodType

/** The schemas directly inside one, past optional, default and text pipes; a union gives each of its branches. */
function unwrap(schema: Schema): Schema[] {
  const def = (schema as z.core.$ZodTypes)._zod.def
  switch (def.type) {
    case 'optional':
    case 'prefault':
      return unwrap(def.innerType)
    case 'pipe':
      return unwrap(def.in)
    case 'union':
      return def.options.flatMap(unwrap)
    default:
      return [schema]
  }
}

function child(schema: Schema, key: string | number): Schema[] {
  const def = (schema as z.core.$ZodTypes)._zod.def
  if (def.type === 'object') return def.shape[key] ? unwrap(def.shape[key]) : []
  if (def.type === 'record') return unwrap(def.valueType)
  return def.type === 'array' ? unwrap(def.element) : []
}

const shapeOf = (schema: Schema): Record<string, Schema> => {
  const def = (schema as z.core.$ZodTypes)._zod.def
  return def.type === 'object' ? (def.shape as Record<string, Schema>) : {}
}

export function keysAt(schema: Schema, path: KeyPath): string[] {
  let here = unwrap(schema)
  for (const key of path) here = here.flatMap(each => child(each, key))
  return here.flatMap(each => Object.keys(shapeOf(each)))
}

/** Paths such as `jobs.<name>.schedule` that have the key. */
export function placesOf(schema: Schema, key: string, at = ''): string[] {
  const places = unwrap(schema).flatMap(each => {
    const def = (each as z.core.$ZodTypes)._zod.def
    if (def.type === 'record') return placesOf(def.valueType, key, `${at}.<name>`)
    if (def.type === 'array') return placesOf(def.element, key, at)
    const shape = shapeOf(each)
    const own = Object.hasOwn(shape, key) ? [at || 'the top level'] : []
    return [...own, ...Object.entries(shape).flatMap(([name, inner]) => placesOf(inner, key, at ? `${at}.${name}` : name))]
  })
  return [...new Set(places)]
}
