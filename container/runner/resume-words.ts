/** The words of a dbt step, turned into what `dbt ls` and `dbt retry` need to do the same for a part of its nodes. Pure. */

/** Commands that build or test nodes, and the kinds of nodes they take: `dbt ls` lists every kind that a selector matches. */
const KINDS: Record<string, readonly string[]> = {
  build: ['model', 'seed', 'snapshot', 'test', 'unit_test', 'saved_query', 'exposure', 'function'],
  run: ['model'],
  test: ['test', 'unit_test'],
  seed: ['seed'],
  snapshot: ['snapshot'],
}
/** Undefined: a command that only runs as a whole. */
export const kindsOf = (words: readonly string[]) => KINDS[words[0] ?? '']

/** Options that choose nodes, or that a selector or the parsing needs; `dbt ls` takes no others. */
const SELECTS = /^(--(select|models?|exclude|selector|resource-types?|exclude-resource-types?|indirect-selection)|-s|-m)$/
const PARSES = /^--(vars|state|defer-state|profile|target|partial-parse|warn-error-options)$|^-t$/
/** `dbt retry` leaves these out of the arguments of the run before; they are given again. */
const AGAIN = /^--(defer-state|warn-error)$/

interface Option {
  flag: string
  values: string[]
}

/** dbt's commands for nodes have no positional words: all that does not begin with a dash belongs to the option before it. */
function optionsOf(words: readonly string[]): Option[] {
  const options: Option[] = []
  for (const word of words.slice(1)) {
    const [, flag, value] = /^(--[\w-]+)=(.*)$/s.exec(word) ?? []
    if (flag !== undefined && value !== undefined) options.push({ flag, values: [value] })
    else if (/^-[a-zA-Z-]/.test(word)) options.push({ flag: word, values: [] })
    else options.at(-1)?.values.push(word)
  }
  return options
}

/** `dbt ls` with the same selection; prints each node as one object. */
export function listWords(words: readonly string[]): string[] {
  const options = optionsOf(words)
  const kept = options.filter(({ flag }) => SELECTS.test(flag) || PARSES.test(flag))
  // `ls` refuses --models beside --resource-type.
  const flags = kept.flatMap(({ flag, values }) => [/^(--models?|-m)$/.test(flag) ? '--select' : flag, ...values])
  const kinds = options.some(({ flag }) => /^--(exclude-)?resource-types?$/.test(flag)) ? [] : ['--resource-type', 'all']
  return ['ls', ...flags, ...kinds, '--output', 'json', '--output-keys', 'unique_id', 'resource_type', 'config']
}

/** Words of the retry; `folder` holds the rebuilt run_results.json. */
export const retryWords = (words: readonly string[], folder: string): string[] => [
  'retry',
  '--state',
  folder,
  ...optionsOf(words)
    .filter(({ flag }) => AGAIN.test(flag))
    .flatMap(({ flag, values }) => [flag, ...values]),
]

/** dbt's letters for options, by the name under which it keeps them. */
const LETTERS: Record<string, string> = { '-f': 'full_refresh', '-x': 'fail_fast', '-t': 'target' }

/**
 * `args` of a run_results.json, from which `dbt retry` makes the command again. The selection is left out: the retry's nodes
 * are those of the file.
 */
export function retryArguments(words: readonly string[], target: string | undefined): Record<string, unknown> {
  const args: Record<string, unknown> = { which: words[0], ...(target !== undefined && { target }) }
  for (const { flag, values } of optionsOf(words)) {
    if (SELECTS.test(flag) || AGAIN.test(flag)) continue
    const name = LETTERS[flag] ?? flag.replace(/^--?/, '').replaceAll('-', '_')
    if (values.length > 0) args[name] = values.length === 1 ? values[0] : values
    else if (name.startsWith('no_')) args[name.slice('no_'.length)] = false
    else args[name] = true
  }
  return args
}

/** Form of the file as dbt 1.x reads it (v6). `ids`: the nodes that are to run. */
export const retryResults = (args: Record<string, unknown>, ids: readonly string[], dbtVersion: string, now: Date) => ({
  metadata: {
    dbt_schema_version: 'https://schemas.getdbt.com/dbt/run-results/v6.json',
    dbt_version: dbtVersion,
    generated_at: now.toISOString(),
    invocation_id: null,
    env: {},
  },
  elapsed_time: 0,
  args,
  results: ids.map(unique_id => ({
    status: 'skipped',
    unique_id,
    message: null,
    failures: null,
    timing: [],
    thread_id: '',
    execution_time: 0,
    adapter_response: {},
    compiled: null,
    compiled_code: null,
    relation_name: null,
    batch_results: null,
  })),
})
