/**
 * Notifier: delivers what the finisher and the sweeper have written down as messages. Input: `{ messages?: string[] }`
 * (partition keys MSG#…); `{}` = drain the open ones.
 *
 * Environment: installation, table, bucket, configKey, topic; consoleUrl is optional.
 * Permissions:
 * - dynamodb: GetItem, UpdateItem on the table; Query on index/open
 * - s3:GetObject on config/*
 * - sns:Publish on the topic
 * - secretsmanager:GetSecretValue on the secret of channels.slack
 * Outgoing HTTPS to the webhook's host: not in a VPC. Invoked asynchronously by finisher, sweeper, launcher. Time limit 120 s,
 * memory 512 MB. A metric filter on `{ $.alarm = "message_failed" }` of its log feeds the alarm of messages.
 */
