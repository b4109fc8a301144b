/** The words of a dbt step, turned into those of `dbt ls` for its nodes, and of the same command for a part of them. Pure. */

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

/** With it dbt reads every node that it does not build from the other state, also those that an earlier attempt has built anew. */
export const favorsState = (words: readonly string[], variables: Readonly<Record<string, string>>) =>
  words.includes('--favor-state') || /^(1|t|true|y|yes|on)$/i.test(variables.DBT_FAVOR_STATE ?? '')

/** Options that choose nodes, or that a selector or the parsing needs; `dbt ls` takes no others. */
const SELECTS = /^(--(select|models?|exclude|selector|resource-types?|exclude-resource-types?|indirect-selection)|-s|-m)$/
const PARSES = /^--(vars|state|defer-state|profile|target|partial-parse|warn-error-options)$|^-t$/
const DEFERS = /^--(defer|favor-state)$/

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
export function listWords(words: readonly string[], everyKind: readonly string[]): string[] {
  const options = optionsOf(words)
  const kept = options.filter(({ flag }) => SELECTS.test(flag) || PARSES.test(flag))
  // `ls` refuses --models beside --resource-type.
  const flags = kept.flatMap(({ flag, values }) => [/^(--models?|-m)$/.test(flag) ? '--select' : flag, ...values])
  const kinds = options.some(({ flag }) => /^--(exclude-)?resource-types?$/.test(flag)) ? [] : everyKind
  return ['ls', ...flags, ...kinds, '--output', 'json', '--output-keys', 'unique_id', 'resource_type', 'config']
}

/**
 * The step's own command for the nodes of a run_results.json in `folder`: dbt's `result:` goes by unique_id. `dbt retry` would
 * take the same file, but runs unit tests beside their models and drops some of the options.
 */
export function restWords(words: readonly string[], folder: string): string[] {
  const options = optionsOf(words)
  const kept = options.filter(({ flag }) => !SELECTS.test(flag) && flag !== '--state')
  const own = options.findLast(({ flag }) => flag === '--state')?.values[0]
  // Where nothing else is said dbt defers to `--state`, which holds the nodes here.
  const defers = options.some(({ flag }) => DEFERS.test(flag)) && !options.some(({ flag }) => flag === '--defer-state')
  return [
    words[0] ?? '',
    ...kept.flatMap(({ flag, values }) => [flag, ...values]),
    ...['--select', `result:${LEFT}`, '--indirect-selection', 'empty', '--state', folder],
    ...(defers && own !== undefined ? ['--defer-state', own] : []),
  ]
}

/** Status of the nodes that are to run. */
const LEFT = 'skipped'

/** Form of the file as dbt reads it (v6; 2.x wants a command and an invocation). `ids`: the nodes that are to run. */
export const leftResults = (ids: readonly string[], dbtVersion: string, now: Date) => ({
  metadata: {
    dbt_schema_version: 'https://schemas.getdbt.com/dbt/run-results/v6.json',
    dbt_version: dbtVersion,
    generated_at: now.toISOString(),
    invocation_id: '',
    env: {},
  },
  elapsed_time: 0,
  args: { command: 'build', which: 'build' },
  results: ids.map(unique_id => ({
    status: LEFT,
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
