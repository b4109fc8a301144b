/**
 * Finisher: ends attempts and runs, and does what follows the end. Input: EventBridge "ECS Task State Change" of our cluster
 * (rule: source aws.ecs, detail.clusterArn ours, detail.lastStatus RUNNING or STOPPED), or `{ effects: string[] }` with ids of
 * final runs.
 *
 * Environment: installation, table, bucket, configKey, dispatcher, notifier.
 * Permissions:
 * - dynamodb: GetItem, BatchGetItem, PutItem, UpdateItem, DeleteItem on the table; Query on index/open
 * - s3:GetObject on config/*, runs/*, docs/*, state/*; s3:PutObject on runs/*, docs/*, state/*;
 *   s3:ListBucket on the bucket (prefixes runs/*, docs/*, state/*: without it a missing object answers 403)
 * - logs:GetLogEvents on log-group:/tidemill/<installation>/*:log-stream:*
 * - lambda:InvokeFunction on dispatcher and notifier
 * Invoked by the event rule, launcher, dispatcher, api. Time limit 300 s, memory 1024 MB.
 */
