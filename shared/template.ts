/** `{{ name }}` in the values of variables: names and nothing else, no expressions. */
import { UserError } from './errors.ts'
import { meant } from './suggest.ts'

const PLACE = /\{\{\s*([^{}]*?)\s*\}\}/g

/** Names that a text asks for. */
export const namesIn = (text: string): string[] => [...text.matchAll(PLACE)].map(([, name = '']) => name)

/** The text with every name replaced. @throws UserError for a name that has no value */
export function fillTemplate(text: string, values: Record<string, string>): string {
  return text.replace(PLACE, (_, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value !== undefined) return value
    throw new UserError(`"{{ ${name} }}" stands for nothing here${meant(name, Object.keys(values))}`)
  })
}
