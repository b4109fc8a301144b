/**
 * Compactor: the one writer of `history/v1/index/` and of compacted files. Input: CompactRequest.
 *
 * Environment: installation, table, bucket, configKey, compactor.
 * Permissions:
 * - dynamodb: GetItem, BatchGetItem, UpdateItem, DeleteItem on the table; Query on index/day
 * - s3:GetObject on config/*, runs/*, history/*, docs/*, state/*; s3:PutObject on runs/*, history/*;
 *   s3:DeleteObject on history/*, docs/*, state/*, cache/*;
 *   s3:ListBucket on the bucket
 * - lambda:InvokeFunction on compactor
 * Invoked asynchronously by finisher, sweeper, and by itself where its time is over before the work is. Time limit 600 s, memory 1536 MB.
 */
import { makeBucket } from '../common/bucket.ts'
import { makeClients } from '../common/clients.ts'
import { makeConfigs } from '../common/config.ts'
import { makeDynamoStore } from '../common/dynamo-store.ts'
import { env } from '../common/env.ts'
import { makeInvoke } from '../common/invoke.ts'
import { makeRuntime } from '../common/runtime.ts'
import { type CompactDeps, compact } from './compact.ts'
import { ROWS_OF_FILE } from './pack.ts'

const bucket = makeBucket(makeClients.s3(), env.bucket())
const deps: Omit<CompactDeps, 'timeLeft'> = {
  ...makeRuntime('compactor'),
  store: makeDynamoStore(makeClients.table(), env.table()),
  bucket,
  configs: makeConfigs(bucket, env.configKey()),
  compact: makeInvoke(makeClients.lambda(), env.compactor()),
  rowsOfFile: ROWS_OF_FILE,
}

export const handler = (event: unknown, context: { getRemainingTimeInMillis(): number }) =>
  compact({ ...deps, timeLeft: () => context.getRemainingTimeInMillis() }, event)
