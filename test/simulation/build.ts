/** Bundles the simulation, as it is or with one line of the product changed, and loads it. Plain functions run much faster so. */
import { mkdirSync, readFileSync } from 'node:fs'
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
}

const root = join(import.meta.dirname, '..', '..')

export async function loadSimulation(mutation?: Mutation): Promise<typeof import('./simulate.ts')> {
  const folder = join(root, '.cache', 'simulation')
  mkdirSync(folder, { recursive: true })
  const outfile = join(folder, `${process.pid}-${mutation?.name.replace(/\W+/g, '-') ?? 'product'}.mjs`)
  await build({
    entryPoints: [join(import.meta.dirname, 'simulate.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    // The SDK has parts in CommonJS.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    plugins: mutation ? [mutate(mutation)] : [],
  })
  return import(pathToFileURL(outfile).href)
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
