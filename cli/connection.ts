/** An installation as the commands see it: its table, its bucket and its api, wherever it runs. Implemented in aws.ts. */
import type { Readable } from 'node:stream'
import type { ApiRequest, ApiResponse } from '../shared/api.ts'
import type { Config } from '../shared/config-model.ts'
import type { INDEX } from '../shared/contract.ts'

/** Where to look. */
export interface Target {
  installation: string
  profile?: string
  region?: string
  /** Folder of tidemill.yml when the cloud on this machine is meant. */
  localFolder?: string
}

/** Reads of the runs table. Items are unknown until parsed (record.ts). */
export interface Table {
  get(pk: string): Promise<unknown>
  /** Items of the given keys, in no order; missing ones are left out. */
  getMany(pks: string[]): Promise<unknown[]>
  /** Partition keys of the items in an index, the greatest sort key first, at most `limit`, below `before`. */
  query(index: keyof typeof INDEX, partition: string, options: { limit: number; before?: string }): Promise<string[]>
  /** All keys of a partition of the open index whose sort key begins so (without `phase`: all), in order. */
  open(partition: string, phase?: string): Promise<{ pk: string; sort: string }[]>
}

/** Bytes from `start` to `end`, both of them included; the last so many; or all. */
export type Part = { start: number; end: number } | { last: number } | 'all'

export interface ObjectPart {
  bytes: Uint8Array
  /** Where in the object they begin. */
  start: number
  /** Of the whole object. */
  size: number
  etag: string
}

/** Reads of the data bucket. */
export interface Bucket {
  /** Undefined where there is no such object. Bytes as stored, Content-Encoding undone. */
  get(key: string): Promise<Uint8Array | undefined>
  /** Part of an object as it is stored; undefined where there is no such object, or no longer with the tag `ifMatch`. */
  read(key: string, part: Part, ifMatch?: string): Promise<ObjectPart | undefined>
  /** Objects below the prefix, by key: every one, or the first `limit` behind the key `after`. */
  list(prefix: string, from?: { after?: string; limit: number }): Promise<{ key: string; bytes: number; etag?: string }[]>
  /** The object as it is stored, to be passed on while it comes. Undefined where there is none. */
  open(key: string, wanted: { head?: boolean; range?: string; ifNoneMatch?: string }): Promise<ObjectAnswer | undefined>
  /** Streams the object into a file, Content-Encoding undone. */
  download(key: string, path: string): Promise<void>
}

/** What S3 answers, in the words of HTTP. 304 and 416 have no body, nor has the answer to `head`. */
export interface ObjectAnswer {
  status: 200 | 206 | 304 | 416
  etag: string
  /** Of the body. */
  bytes?: number
  encoding?: string
  /** Content-Range. */
  range?: string
  body?: Readable
}

export interface Connection {
  installation: string
  region: string
  local: boolean
  bucketName: string
  tableName: string
  table: Table
  bucket: Bucket
  api(request: ApiRequest): Promise<ApiResponse>
  /** The configuration that is deployed now. */
  config(): Promise<Config>
  /** Key of the configuration that is deployed at the time of the call. */
  configKey(): Promise<string>
  /** ARN of who calls, as AWS knows them. */
  identity(): Promise<string>
}
