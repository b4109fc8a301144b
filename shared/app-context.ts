/** What the CDK app is told from outside tidemill.yml, and the names of ready-made images. */

/** CDK context keys of the app. */
export const CONTEXT = {
  /** Path of tidemill.yml. */
  config: 'config',
  /** Repository of ready-made images (`<registry>/<name>`), used instead of building: tag `<engine>-<adapters joined by ->`. */
  imageRepository: 'imageRepository',
  /** Address of the AWS console for the links of messages; empty: no links into it. Default: that of the region. */
  consoleUrl: 'consoleUrl',
  /** `off`: no hosted pages, whatever the configuration says (there is no CloudFront on one machine). */
  site: 'site',
  /** Who deploys: an ARN, or `local:<user>`. Default: unknown. */
  deployedBy: 'deployedBy',
} as const

/** Tag of the image for an engine and its adapters (sorted), in a repository of ready-made images. */
export const imageTag = (engine: string, adapters: readonly string[]) => [engine, ...[...adapters].sort()].join('-')
