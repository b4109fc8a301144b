/** What every page knows: the viewer, the configuration in force, the index of the history. */
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Config, JobConfig } from '../shared/config-model.ts'
import { type HistoryIndex, INDEX_KEY } from '../shared/history-index.ts'
import type { Me } from '../shared/page-api.ts'
import { readData } from './server.ts'
import { type Loaded, useLoad } from './use.ts'

interface App {
  me: Me
  /** Absent until it has come. */
  config?: Config
}
export const AppContext = createContext<App | undefined>(undefined)

export function useApp(): App {
  const app = useContext(AppContext)
  if (!app) throw new Error('outside of the application')
  return app
}

export const jobOf = (config: Config | undefined, project: string, job: string): JobConfig | undefined =>
  config?.jobs[`${project}/${job}`]

/** Zone in which people think of the job: that of its first schedule. */
export const zoneOf = (config: Config | undefined, project: string, job: string): string =>
  jobOf(config, project, job)?.schedules[0]?.timezone ?? 'UTC'

/** Milliseconds between two looks at the index, which changes when a run has ended. */
const INDEX_EVERY = 30_000

/** Undefined index: no run has ended yet. */
export const useIndex = (): Loaded<{ index: HistoryIndex | undefined }> =>
  useLoad(signal => readIndex(signal), ['index'], { every: () => INDEX_EVERY })

export async function readIndex(signal?: AbortSignal): Promise<{ index: HistoryIndex | undefined }> {
  try {
    return { index: await readData<HistoryIndex>(INDEX_KEY, signal ? { signal } : {}) }
  } catch (error) {
    if ((error as { fault?: { status: number } }).fault?.status === 404) return { index: undefined }
    throw error
  }
}
