import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { engineOf } from '../../container/runner/engine.ts'
import { makeFolder } from './project.ts'

test("which dbt: by the name of the engine, and in an image of one's own by what is there", t => {
  const folder = makeFolder(fn => t.after(fn))
  const install = (name: string, program: string, distribution: string) => {
    const bin = join(folder, name, 'bin')
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'dbt'), program)
    mkdirSync(join(folder, name, 'lib/python3.12/site-packages', distribution), { recursive: true })
    return `/nowhere:${bin}:/usr/bin`
  }
  const script = '#!/usr/bin/python3\n'
  const one = install('one', script, 'dbt_core-1.12.5.dist-info')
  assert.deepEqual(
    [
      engineOf('core-1.11', ''),
      engineOf('oss-2.0', ''),
      engineOf('image', one),
      engineOf('image', install('wheel', script, 'dbt_oss-2.0.8.dist-info')),
      engineOf('image', install('program', '\x7fELF\x02', 'pip-24.0.dist-info')),
      engineOf('image', '/nowhere'),
    ].map(engine => engine.warm),
    [true, false, true, false, false, true],
  )
  assert.notEqual(engineOf('core-1.12', one), engineOf('oss-2.0', one), 'the name says it, whatever is on the PATH')
})
