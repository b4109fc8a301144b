/** Bundles the simulation, as it is or with one line of the product changed. Plain functions run much faster so. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'

export interface Mutation {
  /** What a person might have forgotten. */
  name: string
  /** From the root of the repository. */
  file: string
  from: string
  to: string
  /** The rules that are there for this; any of them may be the first to see it. */
  rules: string[]
}

const root = join(import.meta.dirname, '..', '..')

const made = new Set<string>()
process.on('exit', () => {
  for (const file of made) rmSync(file, { force: true })
})

/** Path of the bundle; it goes when this process ends. */
export async function buildSimulation(mutation?: Mutation): Promise<string> {
  const folder = join(root, '.cache', 'simulation')
  mkdirSync(folder, { recursive: true })
  const outfile = join(folder, `${process.pid}-${mutation?.name.replace(/\W+/g, '-') ?? 'product'}.mjs`)
  await build({
    entryPoints: [join(import.meta.dirname, 'thread.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    // The SDK has parts in CommonJS.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    plugins: [standIns, ...(mutation ? [mutate(mutation)] : [])],
  })
  made.add(outfile)
  return outfile
}

export const loadSimulation = (file: string): Promise<typeof import('./thread.ts')> => import(pathToFileURL(file).href)

/** What takes time and is not looked at: commands of the SDK with a stack of middleware each, and files of Parquet. */
const STAND_INS = [
  { filter: /^@aws-sdk\/lib-dynamodb$/, path: join(import.meta.dirname, 'commands.ts') },
  { filter: /^\.\/parquet\.ts$/, path: join(import.meta.dirname, 'parquet.ts') },
]
const standIns: Plugin = {
  name: 'stand-ins',
  setup(setup) {
    for (const { filter, path } of STAND_INS) setup.onResolve({ filter }, () => ({ path }))
  },
}

function mutate({ name, file, from, to }: Mutation): Plugin {
  const path = join(root, file)
  const text = readFileSync(path, 'utf8')
  if (text.split(from).length !== 2) throw new Error(`"${from}" is not exactly once in ${file}: mend the mutation "${name}"`)
  return {
    name: 'mutate',
    setup(setup) {
      setup.onLoad({ filter: /\.ts$/ }, ({ path: loaded }) =>
        loaded === path ? { contents: text.replace(from, () => to), loader: 'ts' as const } : undefined,
      )
    },
  }
}
