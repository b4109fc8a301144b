// Makes dist/: what `cdk synth`, the command line and the npm package use as it is. Nothing is bundled while deploying.
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build } from 'esbuild'

const root = import.meta.dirname
// Made beside and then put in place: a deployment or a task that runs from dist/ meanwhile never sees half of it.
const dist = join(root, `.dist-${process.pid}`)
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  sourcesContent: false,
  logLevel: 'warning',
  absWorkingDir: root,
}

/** Programs with their own process: everything inside except what npm installs beside us. */
const external = [
  '@duckdb/node-api',
  'aws-cdk-lib',
  'aws-cdk-lib/*',
  'constructs',
  '@cdklabs/deploy-time-build',
  'aws-cdk',
  'aws-cdk/*',
]
// CommonJS packages inside an ES module bundle call require().
const banner = { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" }
const esm = { ...common, format: 'esm', outExtension: { '.js': '.mjs' }, external, banner }

const lambdas = readdirSync(join(root, 'lambda')).filter(name => existsSync(join(root, 'lambda', name, 'handler.ts')))
const exists = entries => Object.fromEntries(Object.entries(entries).filter(([, path]) => existsSync(join(root, path))))

/** The pages. Names hold the hash of the content, so that only index.html is ever asked for again. */
async function buildSite(outdir) {
  const { metafile } = await build({
    ...common,
    platform: 'browser',
    target: 'es2022',
    format: 'esm',
    splitting: true,
    minify: true,
    sourcemap: false,
    metafile: true,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    entryPoints: { app: 'site/main.tsx', style: 'site/app.css' },
    entryNames: '[name]-[hash]',
    chunkNames: 'part-[hash]',
    outdir,
  })
  const names = Object.keys(metafile.outputs).map(path => basename(path))
  const page = readFileSync(join(root, 'site/index.html'), 'utf8')
    .replace(
      'app.js',
      names.find(name => /^app-.*\.js$/.test(name)),
    )
    .replace(
      'app.css',
      names.find(name => name.endsWith('.css')),
    )
  writeFileSync(join(outdir, 'index.html'), page)
}

await Promise.all([
  build({
    ...esm,
    entryPoints: exists({
      'bin/app': 'bin/app.ts',
      'bin/tidemill': 'bin/tidemill.ts',
      'lib/index': 'lib/index.ts',
      'local/ecs': 'local/ecs-main.ts',
    }),
    outdir: dist,
  }),
  ...lambdas.map(name =>
    build({
      ...common,
      minify: true,
      keepNames: true,
      entryPoints: [join(root, 'lambda', name, 'handler.ts')],
      outfile: join(dist, 'lambda', name, 'index.js'),
      metafile: false,
    }),
  ),
  existsSync(join(root, 'container/runner/main.ts')) &&
    build({
      ...common,
      minify: true,
      keepNames: true,
      entryPoints: ['container/runner/main.ts'],
      outfile: join(dist, 'container/runner.cjs'),
    }),
  buildSite(join(dist, 'site')),
])
for (const [from, to] of [
  ['container/Dockerfile', 'container/Dockerfile'],
  ['container/requirements', 'container/requirements'],
  ['container/dbt_host', 'container/dbt_host'],
  ['local/emulator', 'local/emulator'],
  ['example', 'example'],
  ['schema', 'schema'],
])
  if (existsSync(join(root, from)))
    cpSync(join(root, from), join(dist, to), {
      recursive: true,
      filter: path => !/\/(target|logs|dbt_packages|__pycache__|\.user\.yml)$/.test(path),
    })

// The hosted pages are answered by a function, which has them beside its code.
cpSync(join(dist, 'site'), join(dist, 'lambda/site/site'), { recursive: true })

const old = join(root, `.dist-${process.pid}-old`)
if (existsSync(join(root, 'dist'))) renameSync(join(root, 'dist'), old)
renameSync(dist, join(root, 'dist'))
rmSync(old, { recursive: true, force: true })
