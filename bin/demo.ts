// The demo: `npm run demo [-- --keep] [--json]`, which sets up first.
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { runDemo } from '../cli/demo.ts'
import { makeNodeEffects } from '../cli/node-effects.ts'

const { values } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
})
process.exitCode = await runDemo(values, makeNodeEffects(dirname(import.meta.dirname), { patient: true }))
