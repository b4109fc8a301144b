/** Tidemill as a part of a larger CDK app: `new TidemillStack(app, 'Tidemill', { config, code: builtCode() })`. */
export type { Config } from '../shared/config-model.ts'
export { builtCode } from './assets.ts'
export { TidemillStack, type TidemillStackProps } from './tidemill-stack.ts'
