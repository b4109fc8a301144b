/** An error that the user can mend: shown calmly, without a stack. Anything else thrown is a bug and shows its stack. */
export class UserError extends Error {
  readonly hint: string | undefined
  /** Exit code of the command line: 2 usage and configuration, 3 infrastructure. */
  readonly exitCode: number
  constructor(message: string, options: { hint?: string; exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'UserError'
    this.hint = options.hint
    this.exitCode = options.exitCode ?? 2
  }
}
