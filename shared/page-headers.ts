/** Headers of the pages and of dbt's docs, the same from `tidemill ui` and hosted. */

/** Our own pages: one bundle, no inline script or style, nobody else is asked for anything. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  // No text becomes markup or a script.
  "require-trusted-types-for 'script'",
].join('; ')

/**
 * dbt's page of 1.x is one file with its scripts inside, and compiles templates while it runs; that of 2.x runs a database as
 * WebAssembly in a worker. The docs of all projects share an origin, and whoever writes a project writes its page: it reaches its
 * own folder and nothing else. No frames and, by the sandbox, no windows: through one, a page could read that of another folder.
 * `folder`: address with a slash at the end.
 */
const docsPolicy = (folder: string) =>
  [
    "default-src 'none'",
    `script-src ${folder} 'unsafe-inline' 'unsafe-eval'`,
    `style-src ${folder} 'unsafe-inline'`,
    `img-src ${folder} data:`,
    `font-src ${folder} data:`,
    `connect-src ${folder}`,
    `worker-src ${folder} blob:`,
    "frame-src 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    // Its search is a form, though none that is ever sent; a picture of the lineage is a download.
    'sandbox allow-scripts allow-same-origin allow-forms allow-downloads',
  ].join('; ')

/** Stored objects and answers are data: opened by themselves they may do nothing at all. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"

/** No window, frame or request of another origin gets hold of anything; `origin-agent-cluster`: not even of our process. */
const COMMON = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
}

export const PAGE_HEADERS = { ...COMMON, 'content-security-policy': PAGE_POLICY }
export const docsHeaders = (folder: string) => ({ ...COMMON, 'content-security-policy': docsPolicy(folder) })
export const DATA_HEADERS = { ...COMMON, 'content-security-policy': DATA_POLICY }
