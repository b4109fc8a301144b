/** A YAML file that remembers where everything in it stands, and the problems found in it. */
import { isCollection, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLError } from 'yaml'

export type KeyPath = readonly (string | number)[]

/** Something the user must change (or, as a warning, may want to). Line and column count from 1. */
export interface Problem {
  file: string
  line: number
  column: number
  /** `jobs.nightly.steps[0]`; empty for the file itself. */
  path: string
  /** The value got, what is allowed, what to change; one line, never a secret. */
  message: string
}

export interface YamlFile {
  path: string
  data: unknown
  /** A problem at the value of a path, or at its key; where the path does not exist, at what would hold it. */
  problem(path: KeyPath, message: string, at?: 'key' | 'value'): Problem
  /** The text of a scalar as written: `1.10`, where the value would be 1.1. */
  source(path: KeyPath): string | undefined
  /** The rest of the line behind the key of an empty value: an unquoted `#…` there was meant as the value. */
  commentAt(path: KeyPath): string | undefined
}

export const pathText = (path: KeyPath): string =>
  path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : text ? `${text}.${key}` : key), '')

/** `problems` holds what YAML itself refuses; with `usable` false nothing else can be said of the file. */
export function parseYaml(path: string, text: string): { file: YamlFile; problems: Problem[]; usable: boolean } {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true })
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const problem = (keys: KeyPath, message: string, where: 'key' | 'value' = 'value'): Problem => ({
    file: path,
    ...at(offsetOf(document.contents as Node | null, keys, where)),
    path: pathText(keys),
    message,
  })
  const inOrder = document.errors.toSorted((a, b) => a.pos[0] - b.pos[0])
  const errors = inOrder.map(error => ({ file: path, ...at(error.pos[0]), path: '', message: yamlMessage(error, text) }))
  const usable = document.errors.every(error => error.code === 'DUPLICATE_KEY')
  // After the first slip the parser stumbles over what follows: only what it said first is true.
  const problems = usable ? errors : errors.slice(0, 1)
  let data: unknown
  try {
    // Enough for a thousand jobs that share their defaults by alias; a bomb of nested aliases still ends here.
    data = usable ? document.toJS({ maxAliasCount: 10_000 }) : undefined
  } catch (error) {
    return { file: file(undefined), problems: [problem([], `cannot be read: ${(error as Error).message}`)], usable: false }
  }
  return { file: file(data), problems, usable }

  function file(content: unknown): YamlFile {
    const scalar = (keys: KeyPath) => {
      const node = document.getIn(keys, true)
      return isScalar(node) ? node : undefined
    }
    return {
      path,
      data: content,
      problem,
      source: keys => scalar(keys)?.source,
      commentAt: keys => scalar(keys)?.comment ?? undefined,
    }
  }
}

function offsetOf(root: Node | null, path: KeyPath, where: 'key' | 'value'): number {
  let node: Node | null | undefined = root
  let offset = root?.range?.[0] ?? 0
  for (const [depth, key] of path.entries()) {
    const last = depth === path.length - 1
    if (isMap(node)) {
      const pairs = node.items as Pair<Node, Node | null>[]
      const pair: Pair<Node, Node | null> | undefined = pairs.findLast(
        each => String(isScalar(each.key) ? each.key.value : each.key) === key,
      )
      if (!pair) return offset
      offset = pair.key.range?.[0] ?? offset
      if (last && where === 'key') return offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(key)] as Node | undefined
    } else return offset
    // What is missing inside a collection is shown at its key, a wrong value at the value.
    if (last || !isCollection(node) || typeof key === 'number') offset = node?.range?.[0] ?? offset
  }
  return offset
}

/** The parser's words for common slips, and ours. */
const SLIPS: [RegExp, string][] = [
  [/same column|less-indented/i, 'is indented otherwise than what stands beside it; line it up'],
  [/compact mappings/i, 'has a second ": " on its line; put quotes around a value that holds one'],
  [
    /implicit (map )?keys need to be/i,
    'is not an option (key: value); a ":" with a space is missing, or the line before is not finished',
  ],
  [/closing .quote/i, 'a quote is opened and not closed'],
  [
    /flow (map|sequence|collection).*(indented|end with)|missing .*between flow|flow-error-end/i,
    'a { or [ is opened and not closed, or a comma is missing in it',
  ],
]

function yamlMessage(error: YAMLError, text: string): string {
  const word = /^[^\s:]+/.exec(text.slice(error.pos[0]))?.[0] ?? ''
  if (word.startsWith('*')) return '* begins an alias in YAML; put quotes around the value, e.g. "*/15 * * * *"'
  if (error.code === 'DUPLICATE_KEY') return `"${word}" is here twice; keep one of the two`
  if (error.code === 'TAB_AS_INDENT') return 'a tab cannot indent in YAML; use spaces'
  if (error.code === 'MULTIPLE_DOCS') return 'the file holds several documents (---); keep one'
  const [line = ''] = error.message.split('\n')
  return SLIPS.find(([pattern]) => pattern.test(line))?.[1] ?? `not YAML: ${line}`
}

/** The list that people see, as `tidemill validate` prints it. */
export function formatProblems(problems: readonly Problem[], noun = 'problem'): string {
  const files = [...new Set(problems.map(problem => problem.file))]
  return files
    .map(file => {
      const own = problems.filter(problem => problem.file === file).sort((a, b) => a.line - b.line || a.column - b.column)
      const place = (problem: Problem) => `${problem.line}:${problem.column}`
      const placeWidth = Math.max(...own.map(problem => place(problem).length))
      const pathWidth = Math.max(...own.map(problem => problem.path.length).filter(length => length <= 40), 0)
      const lines = own.map(
        problem => `  ${place(problem).padEnd(placeWidth)}  ${problem.path.padEnd(pathWidth)}   ${problem.message}`,
      )
      return [`${file}: ${own.length} ${noun}${own.length === 1 ? '' : 's'}`, ...lines].join('\n')
    })
    .join('\n')
}
