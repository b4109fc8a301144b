#!/usr/bin/env node
// The command line: wires the effects of this process to the commands.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { COMMANDS } from '../cli/commands.ts'
import { makeNodeEffects } from '../cli/node-effects.ts'
import { runProgram } from '../cli/program.ts'

// This file is bin/tidemill.ts or dist/bin/tidemill.mjs.
const above = dirname(import.meta.dirname)
const packageRoot = existsSync(join(above, 'package.json')) ? above : dirname(above)
process.exitCode = await runProgram(COMMANDS, process.argv.slice(2), makeNodeEffects(packageRoot, { patient: false }))
