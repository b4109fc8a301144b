/**
 * An application laid out as dbt's documentation says of the docs of 2.x, as no release that a lock can hold makes them: one page,
 * scripts below `assets/`, WebAssembly in a worker that is made of a blob (as DuckDB's is), and Parquet that is read by ranges.
 */
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { parquetWriteBuffer } from 'hyparquet-writer'

const PAGE = `<!doctype html><html lang="en"><head><title>dbt docs</title><link rel="stylesheet" href="./assets/app.css">
<script type="module" src="./assets/app.js"></script></head>
<body><input placeholder="Search"><nav></nav><pre></pre></body></html>`

const APP = `
const assets = new URL('./', import.meta.url).href
const blob = new Blob(['importScripts("' + assets + 'worker.js")'], { type: 'text/javascript' })
const worker = new Worker(URL.createObjectURL(blob))
const [input, list, code] = ['input', 'nav', 'pre'].map(name => document.querySelector(name))
worker.onmessage = ({ data }) => {
  if (data.error) code.textContent = data.error
  input.oninput = () => {
    list.replaceChildren()
    for (const node of data.nodes.filter(each => each.name.includes(input.value)).slice(0, 10)) {
      const link = Object.assign(document.createElement('a'), { href: '#/model/' + node.unique_id, textContent: node.name })
      link.className = 'search-result'
      link.onclick = () => { code.textContent = node.raw_code }
      list.append(link)
    }
  }
  document.body.dataset.ready = 'yes'
}
worker.postMessage({ assets })
`

const WORKER = `
import { asyncBufferFromUrl, parquetReadObjects } from 'hyparquet'
onmessage = async ({ data }) => {
  try {
    await WebAssembly.instantiateStreaming(fetch(data.assets + 'engine.wasm'))
    const file = await asyncBufferFromUrl({ url: data.assets + '../index/dbt.nodes.parquet' })
    postMessage({ nodes: await parquetReadObjects({ file }) })
  } catch (error) {
    postMessage({ nodes: [], error: String(error) })
  }
}
`

/** As small as a module can be. */
const WASM = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])

const bundle = async (contents: string, format: 'esm' | 'iife') => {
  const stdin = { contents, resolveDir: import.meta.dirname }
  const { outputFiles } = await build({ stdin, bundle: true, write: false, format, minify: true, logLevel: 'error' })
  return gzipSync(outputFiles[0]?.contents ?? '')
}

/** Each name below the folder of the docs, with what is stored. */
export async function makeApplication(models: number): Promise<Record<string, Uint8Array>> {
  const names = Array.from({ length: models }, (_, i) => `model_${i}`)
  // No two alike, so that the file is too large for one range.
  const code = names.map((name, i) => `select ${Math.sin(i)} as a, ${Math.cos(i)} as b from ${name}_source`)
  const index = parquetWriteBuffer({
    columnData: [
      { name: 'unique_id', data: names.map(name => `model.shop.${name}`), type: 'STRING' },
      { name: 'name', data: names, type: 'STRING' },
      { name: 'raw_code', data: code, type: 'STRING' },
    ],
  })
  return {
    'index.html': gzipSync(PAGE),
    'assets/app.js': await bundle(APP, 'esm'),
    'assets/app.css': gzipSync('body { font: 1rem sans-serif }'),
    'assets/worker.js': await bundle(WORKER, 'iife'),
    'assets/engine.wasm': gzipSync(WASM),
    'index/dbt.nodes.parquet': new Uint8Array(index),
  }
}
