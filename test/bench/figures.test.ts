import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { figureOf, intervalOf, medianOf, tableOf } from '../../bench/figures.ts'
import { runnerParts } from '../../bench/parts.ts'
import { peerParts } from '../../bench/peer-parts.ts'
import { figuresOf, parseRounds, readOptions } from '../../bench/rounds.ts'
import { compactorParts } from '../../bench/site-compactor.ts'

test('a median of an even and an odd number of samples; the interval is their range, of nine without the outermost', () => {
  assert.equal(medianOf([3, 1, 2]), 2)
  assert.equal(medianOf([4, 1, 2, 3]), 2.5)
  assert.deepEqual(intervalOf([3, 1, 2]), [1, 3])
  assert.deepEqual(intervalOf([1, 2, 3, 4, 5, 6, 7, 8, 99]), [2, 8])
})

test('the median decides whether a target is met, the worse end of the interval whether that is sure', () => {
  const met = (atLeast: boolean, target: number | null) =>
    figureOf({ name: 'x', unit: 's', target, atLeast }, [4, 5, 6]).map(figure => [figure.met, figure.sure])
  assert.deepEqual(
    [met(false, 6), met(false, 5), met(false, 4), met(true, 4), met(true, 5), met(true, 6), met(false, null)].flat(),
    [
      [true, true],
      [true, false],
      [false, false],
      [true, true],
      [true, false],
      [false, false],
      [null, null],
    ],
  )
  assert.deepEqual(figureOf({ name: 'x', unit: 's', target: 1 }, []), [])
})

test('the tables of docs/benchmarks.md are those of the samples beside it', () => {
  const docs = join(import.meta.dirname, '../../docs')
  const page = readFileSync(join(docs, 'benchmarks.md'), 'utf8')
  const options = readOptions([])
  for (const [file, parts] of [
    ['runner', runnerParts(options)],
    ['peers', peerParts(options)],
    ['compactor', compactorParts(1)],
  ] as const) {
    const figures = figuresOf(parts, parseRounds(readFileSync(join(docs, `benchmarks/${file}.ndjson`), 'utf8')))
    assert.ok(figures.length >= 3)
    for (const row of tableOf(figures).split('\n')) assert.ok(page.includes(row), `not in docs/benchmarks.md: ${row}`)
  }
})
