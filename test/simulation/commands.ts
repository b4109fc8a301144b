/** The commands of the document client as the bundle of the simulation has them: what is asked, and nothing else. */
class Command {
  readonly input: unknown
  constructor(input: unknown) {
    this.input = input
  }
}
export class BatchGetCommand extends Command {}
export class DeleteCommand extends Command {}
export class GetCommand extends Command {}
export class PutCommand extends Command {}
export class QueryCommand extends Command {}
export class TransactWriteCommand extends Command {}
export class UpdateCommand extends Command {}
