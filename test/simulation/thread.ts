/** What the bundle is: loaded it simulates; as a thread it simulates the seeds that it is sent. */
import { parentPort } from 'node:worker_threads'
import { simulate } from './simulate.ts'

export { simulate }

const port = parentPort
port?.on('message', async (seed: number) => port.postMessage(await simulate({ seed })))
