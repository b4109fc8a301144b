/** One typed getter for each environment variable of the Lambdas. */
import { ENV } from '../../shared/contract.ts'
import type { SiteSettings } from '../../shared/resource-names.ts'

function read(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`environment variable ${name} is not set: the stack gives it to this function`)
  return value
}
const readList = (name: string) => read(name).split(',').filter(Boolean)

export const env = {
  installation: () => read(ENV.installation),
  table: () => read(ENV.table),
  bucket: () => read(ENV.bucket),
  /** `config/<sha256>.json` of the configuration in force. */
  configKey: () => read(ENV.configKey),
  cluster: () => read(ENV.cluster),
  subnets: () => readList(ENV.subnets),
  securityGroups: () => readList(ENV.securityGroups),
  assignPublicIp: () => (read(ENV.assignPublicIp) === 'ENABLED' ? ('ENABLED' as const) : ('DISABLED' as const)),
  launcher: () => read(ENV.launcher),
  dispatcher: () => read(ENV.dispatcher),
  finisher: () => read(ENV.finisher),
  notifier: () => read(ENV.notifier),
  compactor: () => read(ENV.compactor),
  topic: () => read(ENV.topic),
  /** Undefined where there is no console to link to. */
  consoleUrl: () => process.env[ENV.consoleUrl] || undefined,
  api: () => read(ENV.api),
  site: () => JSON.parse(read(ENV.site)) as SiteSettings,
  deadLetters: () => read(ENV.deadLetters),
  /** Of EventBridge. */
  eventsUrl: () => new URL(process.env.AWS_ENDPOINT_URL || `https://events.${read('AWS_REGION')}.amazonaws.com`),
  /** What Lambda gives a function to sign its calls with. */
  caller: () => ({
    region: read('AWS_REGION'),
    accessKeyId: read('AWS_ACCESS_KEY_ID'),
    secretAccessKey: read('AWS_SECRET_ACCESS_KEY'),
    sessionToken: process.env.AWS_SESSION_TOKEN || undefined,
  }),
} as const
