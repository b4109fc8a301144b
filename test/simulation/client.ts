/** The document client of a process: each request is a call, and the indexes lag behind the table. */
import {
  BatchGetCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  TransactWriteCommand,
} from '@aws-sdk/lib-dynamodb'
import type { Process } from './process.ts'
import type { World } from './world.ts'

export function clientOf(world: World, process: Process): DynamoDBDocumentClient {
  const { table, faults } = world
  const send = (command: object) => {
    const transaction = command instanceof TransactWriteCommand
    return process.call({
      write: !(command instanceof GetCommand || command instanceof BatchGetCommand || command instanceof QueryCommand),
      label: () => labelOf(command),
      effect() {
        if (transaction && faults.hit('transaction conflict')) throw conflict()
        return table.request(command)
      },
      // A transaction carries a token: repeated it is done once.
      repeats: !transaction,
    })
  }
  return { send } as unknown as DynamoDBDocumentClient
}

const conflict = () =>
  Object.assign(new Error('injected: transaction is ongoing for the item'), {
    name: 'TransactionCanceledException',
    CancellationReasons: [{ Code: 'TransactionConflict' }],
  })

function labelOf(command: object): string {
  const { input } = command as {
    input: { Key?: unknown; Item?: { pk?: unknown }; TransactItems?: object[]; UpdateExpression?: string }
  }
  const keys = input.TransactItems?.map(item => JSON.stringify(Object.values(item)[0]?.Key ?? Object.values(item)[0]?.Item?.pk))
  const what = keys?.join(' ') ?? JSON.stringify(input.Key ?? input.Item?.pk ?? '')
  return `${command.constructor.name.replace('Command', '')} ${what} ${input.UpdateExpression?.slice(0, 60) ?? ''}`
}
