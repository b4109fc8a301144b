/** Secrets written where a name belongs: recognised so that they are refused before they reach a template or a log. */

/** Beginnings and forms that only secrets have, with what to call them. */
const TOKENS: [RegExp, string][] = [
  [/\b(ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}/, 'a GitHub token'],
  [/\bgl(pat|dt|rt|ptt)-[\w-]{16,}/, 'a GitLab token'],
  [/\bATBB[A-Za-z0-9]{20,}|\bATCTT3[\w=-]{20,}/, 'a Bitbucket token'],
  [/\b(AKIA|ASIA)[0-9A-Z]{16}\b/, 'an AWS access key'],
  [/\bxox[abeprs]-[\w-]{10,}|\bxapp-[\w-]{10,}/, 'a Slack token'],
  [/hooks\.slack\.com\/(services|workflows|triggers)\/\S+/, 'a Slack webhook address'],
  [/\.webhook\.office\.com\/\S+|\.logic\.azure\.com\S*sig=|discord(app)?\.com\/api\/webhooks\/\S+/, 'a webhook address'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----/, 'a private key'],
  [/\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}/, 'a signed token (JWT)'],
  [/\bdapi[0-9a-f]{32}/, 'a Databricks token'],
  [/\bdbt[cuh]_[\w+/=-]{20,}/, 'a dbt platform token'],
  [/\bAIza[\w-]{35}/, 'a Google API key'],
  [/\bpypi-[\w-]{20,}|\bnpm_[A-Za-z0-9]{30,}/, 'a package registry token'],
  [/"private_key"\s*:/, 'a service account key'],
]
const CREDENTIALS_IN_URL = /[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:[^\s/@]+@/i

/** What kind of secret a text is or holds, in words; undefined when it looks like none. */
export function secretKind(text: string): string | undefined {
  return (
    TOKENS.find(([pattern]) => pattern.test(text))?.[1] ??
    (CREDENTIALS_IN_URL.test(text) ? 'an address with a password in it' : undefined)
  )
}

const SECRET_NAMES =
  /(^|_)(PASSWORD|PASSWD|PASS|PWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|ACCESS_KEY|SECRET_KEY|PASSPHRASE|CREDENTIALS?)$/i

/** A variable that by its name holds a secret. */
export const isSecretName = (name: string): boolean => SECRET_NAMES.test(name)

/** The command that stores a secret, reading the value from a file so that it stays out of the shell's history. */
export const storeSecret = (name: string): string =>
  `aws secretsmanager create-secret --name ${name} --secret-string file://value.txt`
