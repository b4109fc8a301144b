/** The process of the local ECS: reads its settings from the environment, listens on loopback, ends its tasks with itself. */
import { createEngine } from './ecs/engine.ts'
import { createEventSender } from './ecs/events.ts'
import { createFaults } from './ecs/faults.ts'
import { createEcsServer } from './ecs/server.ts'
import { ecsSettings, SETTINGS_VARIABLE } from './ecs-start.ts'
import { answers, healthUrl } from './emulator.ts'
import { localImages } from './image.ts'

const settings = ecsSettings.parse(JSON.parse(process.env[SETTINGS_VARIABLE] ?? ''))
const { emulator, tasksDir, dist, cacheDir, python, maxTasks, endpoint, port, stopSeconds } = settings

const faults = createFaults()
const events = createEventSender(emulator, faults)
const onProgress = (line: string) => console.log(JSON.stringify({ message: line }))
const resolveImage = localImages({ dist, cacheDir, python, onProgress })
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
  // Without the emulator a task can store nothing any more, however long it is given.
  await engine.close((await answers(healthUrl(emulator.endpoint))) ? stopSeconds : 1)
  process.exit(0)
}
process.on('SIGTERM', end)
process.on('SIGINT', end)
