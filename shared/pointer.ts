/** Content of a `current.json`: the run whose artifacts count. */
export interface Pointer {
  schemaVersion: number
  run: string
  job: string
  commit: string | null
  /** When the commit was resolved; a pointer moves only to a later one. ISO 8601, UTC. */
  resolvedAt: string
  /** Names of the objects in the folder of the run. */
  files: string[]
}
