/** The process of the local ECS: reads its settings from the environment, listens on loopback, ends its tasks with itself. */
import { z } from 'zod/mini'
import { createEngine } from './ecs/engine.ts'
import { createEventSender } from './ecs/events.ts'
import { createFaults } from './ecs/faults.ts'
import { createEcsServer } from './ecs/server.ts'
import { localImages } from './image.ts'

const settings = z
  .object({
    endpoint: z.string(),
    port: z.number(),
    emulator: z.object({ endpoint: z.string(), region: z.string(), accessKeyId: z.string(), secretAccessKey: z.string() }),
    tasksDir: z.string(),
    dist: z.string(),
    cacheDir: z.string(),
    maxTasks: z.number(),
    stopSeconds: z.number(),
  })
  .parse(JSON.parse(process.env.TIDEMILL_LOCAL_ECS ?? ''))
const { emulator, tasksDir, dist, cacheDir, maxTasks, endpoint, port, stopSeconds } = settings

const faults = createFaults()
const events = createEventSender(emulator, faults)
const onProgress = (line: string) => console.log(JSON.stringify({ message: line }))
const resolveImage = localImages({ dist, cacheDir, onProgress })
const engine = createEngine({ emulator, resolveImage, faults, events, tasksDir, maxTasks, endpoint })

// Leftovers go before anything new can start.
await engine.recover()
const server = createEcsServer({ emulator, engine, faults })
server.listen(port, '127.0.0.1')
// SDK clients keep connections for a while and must not find them closed in their hands.
server.keepAliveTimeout = 75_000

let ending = false
const end = async () => {
  if (ending) return
  ending = true
  await engine.close(stopSeconds)
  process.exit(0)
}
process.on('SIGTERM', end)
process.on('SIGINT', end)
