/** The table in memory refuses what DynamoDB refuses: otherwise tests on it would say nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GetCommand, PutCommand, TransactWriteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { makeMemoryTable } from '../fakes/memory-table.ts'

const TableName = 't'
const update = (UpdateExpression: string, over: object = {}) =>
  new UpdateCommand({ TableName, Key: { pk: 'a' }, UpdateExpression, ...over })
const names = (...list: string[]) => ({
  ExpressionAttributeNames: Object.fromEntries(list.map(name => [`#${name}`, name])),
})

for (const [what, command] of [
  ['a value that is not used', update('REMOVE #x', { ...names('x'), ExpressionAttributeValues: { ':v': 1 } })],
  ['a value that is missing', update('SET #x = :v', names('x'))],
  ['a name that may be reserved', update('REMOVE status')],
  [
    'two paths that overlap',
    update('SET #x[0].#y = :v REMOVE #x', { ...names('x', 'y'), ExpressionAttributeValues: { ':v': 1 } }),
  ],
  [
    'a path through what is not there',
    update('SET #x[0].#y = :v', { ...names('x', 'y'), ExpressionAttributeValues: { ':v': 1 } }),
  ],
  ['an empty set', new PutCommand({ TableName, Item: { pk: 'a', set: new Set() } })],
  ['a read that is not consistent', new GetCommand({ TableName, Key: { pk: 'a' } })],
  [
    'two writes of one item in a transaction',
    new TransactWriteCommand({
      TransactItems: [{ Put: { TableName, Item: { pk: 'a' } } }, { Delete: { TableName, Key: { pk: 'a' } } }],
    }),
  ],
] as const)
  test(`the table in memory refuses ${what}`, () => {
    const table = makeMemoryTable()
    assert.throws(() => table.request(command))
    assert.equal(table.items.size, 0)
  })

test('the table in memory: a transaction changes all or nothing, and says which condition did not hold', () => {
  const table = makeMemoryTable()
  const put = (pk: string) => ({ Put: { TableName, Item: { pk }, ConditionExpression: 'attribute_not_exists(pk)' } })
  table.request(new TransactWriteCommand({ TransactItems: [put('a'), put('b')] }))
  assert.throws(
    () => table.request(new TransactWriteCommand({ TransactItems: [put('c'), put('b')] })),
    (error: Error & { CancellationReasons?: unknown }) =>
      assert.deepEqual(error.CancellationReasons, [{ Code: 'None' }, { Code: 'ConditionalCheckFailed' }]) === undefined,
  )
  assert.deepEqual([...table.items.keys()], ['a', 'b'])
})

test('the table in memory: sets lose their attribute with their last member, lists close up, operands are those of before', () => {
  const table = makeMemoryTable()
  table.plant({ pk: 'a', set: new Set(['x']), list: [1, 2, 3], n: 1 })
  table.request(
    update('SET #n = #n + :one, #m = #n REMOVE #list[0] DELETE #set :x', {
      ...names('n', 'm', 'list', 'set'),
      ExpressionAttributeValues: { ':one': 1, ':x': new Set(['x']) },
    }),
  )
  assert.deepEqual(table.items.get('a'), { pk: 'a', list: [2, 3], n: 2, m: 1 })
})
