import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoriesOf, nextMemory, taskCost } from '../../shared/fargate.ts'

test('sizes that exist', () => {
  assert.deepEqual(memoriesOf(256), [512, 1024, 2048])
  assert.deepEqual(memoriesOf(8192).slice(0, 3), [16_384, 20_480, 24_576])
  assert.deepEqual(memoriesOf(16_384).at(-1), 122_880)
  assert.deepEqual(memoriesOf(300), [])
})

test('the size after one that was too small', () => {
  assert.deepEqual(nextMemory(1024, 2048), { cpu: 1024, memory: 3072 })
  assert.deepEqual(nextMemory(1024, 4096), { cpu: 1024, memory: 6144 })
  assert.deepEqual(nextMemory(1024, 7168), { cpu: 1024, memory: 8192 })
  assert.deepEqual(nextMemory(1024, 8192), { cpu: 2048, memory: 12_288 })
  assert.deepEqual(nextMemory(4096, 30_720), { cpu: 8192, memory: 49_152 })
  assert.deepEqual(nextMemory(8192, 61_440), { cpu: 16_384, memory: 98_304 })
  assert.deepEqual(nextMemory(16_384, 98_304), { cpu: 16_384, memory: 122_880 })
  assert.equal(nextMemory(16_384, 122_880), undefined)
})

test('price of a task', () => {
  const hour = { cpu: 1024, memory: 4096, seconds: 3600 }
  assert.equal(taskCost({ ...hour, architecture: 'x86_64' }).toFixed(5), (0.04048 + 4 * 0.004445).toFixed(5))
  assert.equal(taskCost({ ...hour, architecture: 'arm64' }).toFixed(5), (0.03238 + 4 * 0.00356).toFixed(5))
  assert.equal(
    taskCost({ ...hour, seconds: 5, architecture: 'arm64' }),
    taskCost({ ...hour, seconds: 60, architecture: 'arm64' }),
  )
  const extra =
    taskCost({ ...hour, architecture: 'arm64', disk: 120, publicIp: true }) -
    taskCost({ ...hour, architecture: 'arm64', disk: 20 })
  assert.equal(extra.toFixed(4), (100 * 0.000111 + 0.005).toFixed(4))
})
