/**
 * Dispatcher: starts the tasks of waiting runs. Input: `{ runs?: string[] }` (claimed just now), `{}` = look at all.
 *
 * Environment: installation, table, bucket, configKey, cluster, subnets, securityGroups, assignPublicIp, finisher.
 * Permissions:
 * - dynamodb: GetItem, BatchGetItem, PutItem, UpdateItem, DeleteItem, ConditionCheckItem on the table; Query on index/open
 * - s3:GetObject on config/*; s3:PutObject on plans/*
 * - ecs:RunTask on task-definition/<installation>-*:* with condition ArnEquals ecs:cluster; ecs:StopTask on task/<cluster>/*
 * - iam:PassRole on the task roles and execution roles, condition iam:PassedToService ecs-tasks.amazonaws.com
 * - lambda:InvokeFunction on finisher
 * Invoked asynchronously by launcher, api, finisher, sweeper. Time limit 300 s (it may sleep up to 60 s), memory 512 MB.
 */
