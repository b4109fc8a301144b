/** The writer of Parquet as the bundle of the simulation has it: that a file is written matters, its content does not. */
export const PARQUET = 'application/vnd.apache.parquet'
export const writeTable = (): Uint8Array => new Uint8Array()
