/**
 * Api: operations of people and programs, by Function URL with AWS_IAM authorisation (invoke mode BUFFERED, no CORS).
 * Input: ApiRequest as JSON body; answer: ApiResponse (shared/api.ts).
 *
 * Environment: installation, table, bucket, configKey, cluster, dispatcher, finisher.
 * Permissions:
 * - dynamodb: GetItem, PutItem, UpdateItem on the table; Query on index/open
 * - s3:GetObject on config/*
 * - ecs:StopTask on task/<cluster>/*
 * - lambda:InvokeFunction on dispatcher and finisher
 * Time limit 30 s, memory 512 MB.
 */
