// Makes dist/: what `cdk synth`, the command line and the npm package use as it is. Nothing is bundled while deploying.
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
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

/** The pages. Names hold the hash of the content, so that only index.html is ever asked for again. `.br`: as browsers take it. */
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
    charset: 'utf8',
    // One function called without a list of children: less than what `jsx: 'automatic'` makes.
    jsx: 'transform',
    jsxFactory: 'h',
    jsxFragment: 'Fragment',
    inject: ['site/jsx.ts'],
    entryPoints: { app: 'site/main.tsx', style: 'site/app.css' },
    entryNames: '[name]-[hash]',
    chunkNames: 'part-[hash]',
    outdir,
  })
  const outputs = Object.entries(metafile.outputs)
  const fileOf = source => basename(outputs.find(([, { inputs }]) => source in inputs)[0])
  // What is named after the entry only imports the part that the pages which come later share with it.
  for (const [path, { inputs }] of outputs) if (Object.keys(inputs).length === 0) rmSync(join(root, path))
  const page = readFileSync(join(root, 'site/index.html'), 'utf8')
    .replace('app.js', fileOf('site/main.tsx'))
    .replace('app.css', fileOf('site/app.css'))
  writeFileSync(join(outdir, 'index.html'), page)
  for (const name of readdirSync(outdir)) {
    const plain = readFileSync(join(outdir, name))
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length }
    writeFileSync(join(outdir, `${name}.br`), brotliCompressSync(plain, { params }))
  }
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
