/**
 * Tidemill as a part of a larger CDK app:
 *
 * ```ts
 * const { config } = requireConfig({ path: 'tidemill.yml', text, read })
 * new TidemillStack(app, 'Tidemill', { config, code: builtCode() })
 * ```
 */

export { requireConfig } from '../shared/config.ts'
export type { Config } from '../shared/config-model.ts'
export { builtCode } from './assets.ts'
export { SiteStack, type SiteStackProps } from './site-stack.ts'
export { TidemillStack, type TidemillStackProps } from './tidemill-stack.ts'
