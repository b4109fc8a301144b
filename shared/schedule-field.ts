/** One field of a cron expression: values, ranges, steps and lists, with the names of months and days. */
import { type Refusal, refuse } from './refusal.ts'

export interface Field {
  name: string
  from: number
  to: number
  names?: string[]
}

/** Values of `*`, `5`, `MON`, `1-5`, `0/15`, `1-31/2` and lists of them, sorted. */
export function parseField(text: string, field: Field): number[] | Refusal {
  if (/^h\b|^h\(/i.test(text))
    return refuse(`"${text}": H (a random ${field.name}) is unknown to EventBridge; use \`every\`, which spreads jobs by itself`)
  if (text.includes('~')) return refuse(`"${text}": ~ (a random ${field.name}) is unknown to EventBridge; write a number`)
  const values = new Set<number>()
  for (const item of text.split(',')) {
    const part = parseItem(item, field)
    if ('refused' in part) return part
    for (const value of part) values.add(value)
  }
  return [...values].sort((a, b) => a - b)
}

function parseItem(item: string, field: Field): number[] | Refusal {
  const [range = '', stepText, ...more] = item.split('/')
  const step = stepText === undefined ? 1 : Number(stepText)
  if (more.length || (stepText !== undefined && !/^\d+$/.test(stepText)) || step < 1)
    return refuse(`"${item}" in the ${field.name} field: after / comes a whole number, e.g. */15`)
  if (step > field.to - field.from)
    return refuse(`"${item}": a step of ${step} is larger than the ${field.name} field (${field.from}-${field.to})`)
  // Sunday is 0 and 7: the second must not be counted again.
  const end = field.to === 7 ? 6 : field.to
  const bounds = range === '*' ? [field.from, end] : range.split('-').map(word => readValue(word, field))
  const [from, to = stepText === undefined ? from : end, ...rest] = bounds
  if (rest.length || from === undefined || to === undefined || Number.isNaN(from) || Number.isNaN(to))
    return refuse(unknownValue(item, field))
  if (from > to) return refuse(`"${item}": the ${field.name} range runs backwards; write it as a list`)
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step)
}

function readValue(word: string, field: Field): number {
  const named = field.names?.indexOf(word.toUpperCase()) ?? -1
  if (named >= 0) return named + (field.from === 1 ? 1 : 0)
  const value = /^\d{1,2}$/.test(word) ? Number(word) : Number.NaN
  return value >= field.from && value <= field.to ? value : Number.NaN
}

const unknownValue = (item: string, field: Field) =>
  `"${item}" does not fit the ${field.name} field (${field.from}-${field.to}${field.names ? ` or ${field.names[0]}-${field.names.at(-1)}` : ''})`

/** The shortest form that EventBridge reads: `*`, `0/15`, `9-17`, or a list. */
export function compactField(values: number[], field: Field, label: (value: number) => string = String): string {
  const [first = 0, second] = values
  const last = values.at(-1) ?? first
  if (values.length === field.to - field.from + 1) return '*'
  if (second === undefined) return label(first)
  const step = second - first
  const even = values.every((value, i) => value === first + i * step)
  if (even && step === 1 && values.length > 2) return `${label(first)}-${label(last)}`
  // EventBridge has no steps in the day-of-week field, whose values are named.
  if (even && values.length > 2 && last + step > field.to && label === String) return `${first}/${step}`
  return values.map(label).join(',')
}
