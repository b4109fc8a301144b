/**
 * Sweeper: every 5 minutes, finds what is missing and repairs it. Input: ignored.
 *
 * Environment: installation, table, bucket, configKey, cluster, dispatcher, notifier, deadLetters (URL of the queue).
 * Permissions:
 * - dynamodb: GetItem, BatchGetItem, PutItem, UpdateItem, DeleteItem on the table; Query on index/open
 * - s3: as the finisher
 * - ecs: DescribeTasks, StopTask on task/<cluster>/*; ListTasks on * with condition ArnEquals ecs:cluster
 * - logs:GetLogEvents on log-group:/tidemill/<installation>/*:log-stream:*
 * - sqs: ReceiveMessage, DeleteMessage on the dead-letter queue
 * - lambda:InvokeFunction on dispatcher and notifier
 * Invoked by a rule or schedule every 5 minutes. Time limit 280 s, memory 1024 MB.
 */
