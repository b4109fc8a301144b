/** Runs of a job before one, newest first. */
import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import { INDEX, PK } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'
import type { Dynamo } from './dynamo.ts'
import type { Store } from './store.ts'

/** Enough for a median, and one batch of reads. */
const RUNS = 20

export function makeRunsBefore({ client, table }: Dynamo, store: Pick<Store, 'runs'>) {
  return async (job: string, id: string): Promise<RunRecord[]> => {
    const answer = await client.send(
      new QueryCommand({
        TableName: table,
        IndexName: INDEX.job.name,
        KeyConditionExpression: `${INDEX.job.partition} = :job AND ${INDEX.job.sort} < :id`,
        ExpressionAttributeValues: { ':job': PK.job(job), ':id': id },
        ScanIndexForward: false,
        Limit: RUNS,
      }),
    )
    return store.runs((answer.Items ?? []).map(item => String(item.id)))
  }
}
