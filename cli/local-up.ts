/** The cloud on this machine, from nothing to deployed, in stages; used by `local up`, `deploy --local` and the demo. */
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { LocalCloud } from '../local/cloud.ts'
import type { Deployment, DeployProgress } from '../local/deploy.ts'
import type { Config } from '../shared/config-model.ts'
import { UserError } from '../shared/errors.ts'
import { formatBytes, plural } from '../shared/format.ts'
import { EXIT } from '../shared/reasons.ts'
import { describeDeployment } from './deploy-notes.ts'
import type { Effects } from './effects.ts'
import { checkRepositories } from './git-remote.ts'
import { cacheFolder, distFolder } from './places.ts'
import type { Stages } from './progress.ts'
import { secretNames } from './secret-names.ts'

/** Emulator state, logs and the artifacts of a few runs. */
const NEEDED_BYTES = 300 * 1024 * 1024

export interface LocalUp {
  effects: Effects
  config: Config
  /** Absolute path of tidemill.yml. */
  configPath: string
  stages: Stages
  port?: number
}

export interface LocalInstallation {
  cloud: LocalCloud
  deployment: Deployment
  seconds: number
}

/** Leaves the stage that failed marked as such. */
export async function bringUp(options: LocalUp): Promise<LocalInstallation> {
  const { effects, stages } = options
  const began = effects.clock.now().getTime()
  try {
    const cloud = await startCloud(options)
    for (const line of await notesBefore(options)) stages.line(line)
    const deployment = await deployTo(cloud, options)
    return { cloud, deployment, seconds: (effects.clock.now().getTime() - began) / 1000 }
  } catch (error) {
    stages.end('error')
    throw error
  }
}

/** Said only where something is deployed already. */
const notesBefore = ({ effects, config, configPath }: LocalUp) =>
  describeDeployment(() => effects.connect({ installation: config.installation, localFolder: dirname(configPath) }), config)

async function startCloud({ effects, config, configPath, stages, port }: LocalUp): Promise<LocalCloud> {
  const folder = dirname(configPath)
  stages.start('set up', 'git, Python, disk')
  refuseFullDisk(folder)
  await refuseMissingRepository(effects, config)
  const dist = distFolder(effects)
  const cacheDir = cacheFolder(effects)
  const { ensureImageVenv } = await import('../local/image.ts')
  const { findPython } = await import('../local/venv.ts')
  const python = await findPython(effects.env.TIDEMILL_PYTHON)
  const engines = enginesOf(config)
  for (const { engine, adapters } of engines)
    await ensureImageVenv(engine, adapters, { dist, cacheDir, python, onProgress: stages.note })
  const { up } = await import('../local/cloud.ts')
  const images = engines.map(({ engine, adapters }) => `dbt ${engine} with ${adapters.join(', ')}`)
  stages.end('success', [`Python ${python.version}`, ...images].join(', '))
  stages.start('local cloud')
  const cloud = await up({
    folder,
    cacheDir,
    dist,
    onProgress: stages.note,
    secrets: secretNames(config),
    ...(port !== undefined && { ports: { emulator: port } }),
  })
  stages.end('success', cloud.endpoint)
  refuseMissingSecrets(cloud)
  return cloud
}

async function deployTo(cloud: LocalCloud, { effects, configPath, stages }: LocalUp): Promise<Deployment> {
  stages.start('deploy', 'looking what is there')
  const { deploy } = await import('../local/deploy.ts')
  const signal = effects.interrupt
  const onProgress = (progress: DeployProgress) => stages.note(deployText(progress))
  const deployment = await deploy({ cloud, configPath, dist: distFolder(effects), onProgress, signal })
  stages.end('success', deployment.resources > 0 ? plural(deployment.resources, 'resource') : 'no changes')
  return deployment
}

const deployText = ({ stage, done, total }: DeployProgress) => {
  if (stage === 'synth') return 'CloudFormation templates from tidemill.yml'
  const count = total > 0 ? `  ${done} of ${total} resources` : ''
  return `${stage === 'bootstrap' ? 'cdk bootstrap, once' : 'cdk deploy'}${count}`
}

/** Images of one's own cannot run without containers; their tasks fail to start and say so. */
function enginesOf(config: Config): { engine: string; adapters: string[] }[] {
  const used = Object.values(config.environments).flatMap(({ dbt }) => (dbt.engine === 'image' ? [] : [dbt]))
  return [...new Map(used.map(dbt => [`${dbt.engine} ${[...dbt.adapters].sort().join(' ')}`, dbt])).values()]
}

function refuseFullDisk(folder: string) {
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize >= NEEDED_BYTES) return
  throw new UserError(
    `The disk is nearly full: ${formatBytes(bavail * bsize)} free in ${folder}, ${formatBytes(NEEDED_BYTES)} are needed.`,
    {
      hint: 'Free some space, then try again.',
      exitCode: EXIT.infrastructure,
    },
  )
}

/** Only those on this machine: the others may need credentials that only the run has. */
async function refuseMissingRepository(effects: Effects, config: Config) {
  const here = Object.entries(config.projects).filter(([, project]) => project.repository.startsWith('file:'))
  const [problem] = await checkRepositories(effects, { ...config, projects: Object.fromEntries(here) })
  if (problem) throw new UserError(problem.message, { hint: problem.hint, exitCode: EXIT.infrastructure })
}

function refuseMissingSecrets({ missingSecrets, paths }: LocalCloud) {
  if (missingSecrets.length === 0) return
  throw new UserError(`No value for ${plural(missingSecrets.length, 'secret')}: ${missingSecrets.join(', ')}.`, {
    hint: `Put ${missingSecrets.length === 1 ? 'it' : 'them'} into ${paths.secrets} (name: value), then: tidemill local up`,
  })
}
