import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editDistance, meant, suggest } from '../../shared/suggest.ts'

test('distance counts a swap of neighbours once', () => {
  assert.equal(editDistance('biuld', 'build'), 1)
  assert.equal(editDistance('kitten', 'sitting'), 3)
  assert.equal(editDistance('', 'abc'), 3)
})

test('suggests only what is near', () => {
  assert.equal(suggest('prodd', ['prod', 'staging']), 'prod')
  assert.equal(suggest('Start-Within', ['start_within', 'timeout']), 'start_within')
  assert.equal(suggest('x', ['prod', 'staging']), undefined)
  assert.equal(suggest('colour', ['docs', 'deps']), undefined)
})

test('the hint names what is known, cut when there is much', () => {
  assert.equal(meant('prodd', ['prod', 'staging']), '; did you mean "prod"? (prod, staging)')
  assert.equal(meant('prodd', ['prod']), '; did you mean "prod"?')
  assert.equal(meant('zzz', ['prod']), '; known: prod')
  assert.equal(meant('zzz', []), '')
  assert.match(
    meant(
      'zzz',
      Array.from({ length: 20 }, (_, i) => `job_${i}`),
    ),
    /and 8 more$/,
  )
})
