/** What AWS answers, in words that say what to do. */
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'

export interface Where {
  installation: string
  region: string
  /** Address of the cloud on this machine, when that is meant. */
  localEndpoint?: string
  /** Named with `--profile`. */
  profile?: string
}

const EXPIRED = /Expired|SSO session|Token is expired|refresh failed/i
const REFUSED_KEY = /^(UnrecognizedClient|InvalidClientTokenId|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidSignature)/
const NO_NETWORK = /^(ECONNREFUSED|ENOTFOUND|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|TimeoutError)$/

/** Runs a call to AWS; an error that the user can mend becomes a UserError, any other passes through. */
export async function explained<T>(where: Where, policy: 'viewer' | 'operator' | 'deployer', call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw explainAwsError(error, where, policy) ?? error
  }
}

export function explainAwsError(error: unknown, where: Where, policy: 'viewer' | 'operator' | 'deployer'): UserError | undefined {
  const { name, code, message } = readError(error)
  const kind = kindOfAwsError(error)
  const make = (text: string, hint: string) => new UserError(text, { hint, exitCode: EXIT.infrastructure, cause: error })
  const signIn = 'Sign in again (aws sso login), or name another profile: --profile NAME. For the cloud on this machine: --local.'

  if (name === 'ConfigError' || /^Region is missing/.test(message))
    return make('No AWS region is set.', 'Pass --region NAME, set AWS_REGION, or give the profile a region.')
  if (/Could not resolve credentials using profile/.test(message))
    return make(`AWS profile not found or not usable: ${message}.`, 'See the names: aws configure list-profiles.')
  if (
    EXPIRED.test(name) ||
    (name === 'TokenProviderError' && EXPIRED.test(message)) ||
    (isCredentials(name) && EXPIRED.test(message))
  )
    return make('The AWS credentials have expired.', signIn)
  if (isCredentials(name) || /Could not load credentials/.test(message))
    return where.profile === undefined
      ? make('No AWS credentials found.', signIn)
      : make(
          `AWS profile "${where.profile}" does not exist, or has no credentials.`,
          'See the names: aws configure list-profiles. Sign in: aws sso login --profile NAME',
        )
  if (kind === 'credentials') return make(`AWS refused the credentials: ${message}.`, signIn)
  if (kind === 'denied')
    return make(
      `Your AWS identity may not do this in installation "${where.installation}" (${where.region}). AWS says: ${message}`,
      policy === 'deployer'
        ? 'Deploying needs the right to assume the roles that cdk bootstrap made; ask who administers the account.'
        : `It needs the policy ${where.installation}-${where.region}-${policy}; ask whoever deployed it.`,
    )
  if (kind === 'network')
    return where.localEndpoint
      ? make(`The local cloud does not answer at ${where.localEndpoint}.`, 'Start it: tidemill local up')
      : make(`AWS does not answer (${code || name}, region ${where.region}).`, 'Check the network and the name of the region.')
  return undefined
}

/** What has to change before the call can work; undefined: an error of another kind. */
export function kindOfAwsError(error: unknown): 'credentials' | 'denied' | 'network' | undefined {
  const { name, code, message } = readError(error)
  if (isCredentials(name) || REFUSED_KEY.test(name) || EXPIRED.test(name) || /Could not load credentials/.test(message))
    return 'credentials'
  // The answer to a HEAD request has no body, and so only the number.
  if (/AccessDenied|UnauthorizedOperation|Forbidden|^403$/i.test(name)) return 'denied'
  return NO_NETWORK.test(code) || NO_NETWORK.test(name) ? 'network' : undefined
}

const isCredentials = (name: string) => name === 'CredentialsProviderError' || name === 'TokenProviderError'

function readError(error: unknown): { name: string; code: string; message: string } {
  const field = (of: unknown, key: string): string => {
    const value = typeof of === 'object' && of !== null ? Reflect.get(of, key) : undefined
    return typeof value === 'string' ? value : ''
  }
  const cause = error instanceof Error ? error.cause : undefined
  return {
    name: field(error, 'name'),
    code: field(error, 'code') || field(cause, 'code'),
    message: field(error, 'message').replace(/\.$/, ''),
  }
}
