/** What the bundler makes of tags (build.mjs). */
export { Fragment, h } from 'preact'
