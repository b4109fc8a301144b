/** What stands for a container image here: a Python environment with dbt, and the runner's bundle. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { imageTag } from '../shared/app-context.ts'
import { ensureVenv, type Python } from './venv.ts'

/** Repository of the images that exist only on this machine. */
export const LOCAL_REPOSITORY = 'tidemill.local/runner'

export interface Image {
  /** Program and arguments, as ENTRYPOINT and CMD. */
  command: string[]
  /** Folders before the system's on the PATH. */
  path: string[]
  /** ENV of the image. */
  env: Record<string, string>
}

/** Gets an image ready to start. Throws ImageError: there is none of that name. */
export type ImageResolver = (image: string) => Promise<Image>
export class ImageError extends Error {}

const REFERENCE = /^tidemill\.local\/runner:(core-1\.11|core-1\.12|oss-2\.0)-([a-z0-9-]+)$/

/** Engine and adapters of a local image; undefined for any other image. */
export function parseLocalImage(image: string): { engine: string; adapters: string[] } | undefined {
  const [, engine, adapters] = REFERENCE.exec(image) ?? []
  return engine && adapters ? { engine, adapters: adapters.split('-') } : undefined
}

export interface ImageOptions {
  dist: string
  cacheDir: string
  python: Python
  onProgress: (line: string) => void
}

/** Python environment for an engine and its adapters, made if it is not there: 20 s once. */
export async function ensureImageVenv(engine: string, adapters: readonly string[], options: ImageOptions): Promise<string> {
  const { dist, cacheDir, python, onProgress } = options
  const locks = [...adapters].sort().map(adapter => join(dist, 'container/requirements', engine, adapter))
  return ensureVenv({
    name: imageTag(engine, adapters),
    requirements: locks.map(lock => `${lock}.txt`),
    libraries: locks.filter(lock => existsSync(lock)),
    cacheDir: join(cacheDir, 'venv'),
    python,
    onProgress,
  })
}

/** The images of local mode. */
export function localImages(options: ImageOptions): ImageResolver {
  return async image => {
    const parsed = parseLocalImage(image)
    if (!parsed) throw new ImageError(`failed to resolve ref ${image}: not found`)
    const venv = await ensureImageVenv(parsed.engine, parsed.adapters, options)
    return {
      command: [process.execPath, join(options.dist, 'container/runner.cjs')],
      path: [join(venv, 'bin')],
      env: { NODE_NO_WARNINGS: '1', PYTHONUNBUFFERED: '1', LD_LIBRARY_PATH: join(venv, 'lib') },
    }
  }
}
