/**
 * Launcher: a schedule fired. Input: ScheduleInput (shared/contract.ts). Answers with the run.
 *
 * Environment: installation, table, bucket, configKey, dispatcher, finisher.
 * Permissions:
 * - dynamodb: GetItem, PutItem, UpdateItem on the table
 * - s3:GetObject on config/*
 * - lambda:InvokeFunction on dispatcher and finisher
 * Invoked by Scheduler (its role) and by nobody else. Time limit 30 s, memory 512 MB.
 */
