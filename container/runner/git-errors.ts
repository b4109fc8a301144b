/** What git's words mean: whether to try again, and what to tell. git has no exit codes for it; the words are stable in LC_ALL=C. */

export type GitFault = 'auth' | 'no-ref' | 'no-repository' | 'network'

const PATTERNS: [GitFault, RegExp][] = [
  [
    'auth',
    /Authentication failed|Host key verification failed|could not read (Username|Password)|Permission denied \(publickey|HTTP Basic: Access denied|returned error: (401|403)|Load key .*(invalid format|error in libcrypto)|Invalid username or/i,
  ],
  ['no-ref', /couldn't find remote ref|not our ref|no such remote ref|Remote branch .* not found|unadvertised object/i],
  [
    'no-repository',
    /does not appear to be a git repository|repository .*not found|Repository not found|not found: did you run git|returned error: 404|does not exist or you do not have permission|unknown transport|Unable to find remote helper|transport .* not allowed/i,
  ],
]

/** Anything unknown counts as the network: it is tried again a few times and then shown in git's words. */
export const gitFault = (stderr: string): GitFault => PATTERNS.find(([, pattern]) => pattern.test(stderr))?.[0] ?? 'network'

/** The lines of git that say what is wrong, without progress and hints. */
export function gitWords(stderr: string): string {
  const lines = stderr.split('\n').map(line => line.trim())
  const telling = lines.filter(
    line =>
      /^(fatal|error|remote|ssh|ERROR|Load key)\b/.test(line) ||
      /Permission denied|not found|Host key verification failed/i.test(line),
  )
  return (telling.length > 0 ? telling : lines.filter(Boolean)).slice(0, 4).join('; ').slice(0, 600)
}
