/** Small pieces of the configuration's schema: texts read into values, defaults, descriptions. */
import * as z from 'zod/mini'
import { readSecretRef } from './config-values.ts'
import { isRefusal, type Refusal, refusalText } from './refusal.ts'

/** A text that `read` turns into a value; its refusal becomes a problem at the text. */
export function text<T>(read: (text: string) => T | Refusal) {
  /** `timeout: 10`: what is wrong is the missing unit, not that YAML read a number. */
  const error = ({ input }: { input?: unknown }) => {
    const result = typeof input === 'number' ? read(String(input)) : undefined
    return isRefusal(result) ? refusalText(String(input), result) : undefined
  }
  return z.pipe(
    z.string({ error }),
    z.transform((value, ctx): T => {
      const result = read(value)
      if (!isRefusal(result)) return result
      ctx.issues.push({ code: 'custom', message: refusalText(value, result), input: value })
      return z.NEVER
    }),
  )
}

/** What zod says where nobody gave it words. */
export const NO_WORDS = 'Invalid input'

/** Description and examples for the editor and the reference page. */
export function about<T extends z.ZodMiniType>(schema: T, description: string, examples?: unknown[]): T {
  z.globalRegistry.add(schema, { description, ...(examples && { examples }) })
  return schema
}

/** A function, because each place may say more of its secret. */
export const secret = () =>
  about(
    text(readSecretRef),
    'Name of a secret in AWS Secrets Manager, in the same account and region: `name`, `name#field` for one field of a JSON secret, or its ARN.',
    ['github-token', 'prod/snowflake#password'],
  )

/** The default is written as the user would write it. */
export const withDefault = <T extends z.ZodMiniType>(schema: T, value: z.input<T> & {}) => z.prefault(schema, value as never)

export const listOf = <T extends z.ZodMiniType>(item: T) => z.array(item)

export const oneOrMany = <T extends z.ZodMiniType>(item: T) => z.union([item, z.array(item)])

export const integer = (least: number, most: number) => z.int().check(z.minimum(least), z.maximum(most))
