/** `site` of tidemill.yml: the pages for everybody, with sign-in. */
import * as z from 'zod/mini'
import { about, listOf, oneOrMany, secret, text, withDefault } from './config-schema-parts.ts'
import { type Refusal, refuse } from './refusal.ts'

function readHost(value: string): string | Refusal {
  return /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/.test(value)
    ? value
    : refuse('is not a host name in lower case, e.g. runs.acme.example')
}

/** CloudFront takes certificates of one region only. */
function readCertificate(value: string): string | Refusal {
  return /^arn:aws[\w-]*:acm:us-east-1:\d{12}:certificate\/[0-9a-f-]{36}$/.test(value)
    ? value
    : refuse('is not the ARN of a certificate in us-east-1, the only region from which CloudFront takes one')
}

function readHttps(value: string): string | Refusal {
  return /^https:\/\/[\w.-]+(:\d+)?(\/\S*)?$/.test(value) ? value : refuse('is not an address that begins with https://')
}

/** Cognito gives the groups of a directory as one text, in which these characters stand between them. */
function readGroup(value: string): string | Refusal {
  return /^[^,[\]"]{1,256}$/.test(value) ? value : refuse('is not the name of a group: it has a comma, a quote or a bracket')
}
const groupsFor = (what: string, example: string) => z.optional(about(oneOrMany(text(readGroup)), what, [example]))

export const siteSpec = z.strictObject({
  domain: about(text(readHost), 'Host name of the pages. Point it at the distribution that the deployment names.', [
    'runs.acme.example',
  ]),
  docs_domain: about(
    text(readHost),
    'Another host name, for dbt’s docs: whoever writes a dbt project writes these pages, and nothing of them may reach the others.',
    ['dbt-docs.acme.example'],
  ),
  certificate: about(text(readCertificate), 'ARN of the certificate for both names, in AWS Certificate Manager in us-east-1.', [
    'arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f',
  ]),
  saml: z.optional(
    about(
      z.strictObject({
        metadata: about(text(readHttps), 'Address of its metadata.', ['https://idp.acme.example/saml/metadata']),
        email: withDefault(
          about(z.string().check(z.minLength(1)), 'Its attribute with the e-mail address, which the audit trail names.', [
            'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress',
          ]),
          'email',
        ),
      }),
      'Sign-in by the company’s SAML provider. Default: users of a pool of its own, with password and a second factor.',
    ),
  ),
  oidc: z.optional(
    about(
      z.strictObject({
        issuer: about(text(readHttps), 'Its address.', ['https://idp.acme.example']),
        client_id: about(z.string().check(z.minLength(1)), 'Of the client that is registered there for the pages.', ['tidemill']),
        client_secret: about(secret(), 'Secret of that client.'),
        scopes: withDefault(
          about(
            listOf(z.string().check(z.regex(/^[!#-[\]-~]+$/))).check(z.minLength(1)),
            'Asked for at the sign-in; some providers tell groups only for one more.',
          ),
          ['openid', 'email'],
        ),
      }),
      'Sign-in by the company’s OpenID Connect provider.',
    ),
  ),
  groups: z.optional(
    about(
      z.strictObject({
        claim: about(
          z.string().check(z.minLength(1)),
          'Attribute (SAML) or claim (OpenID Connect) with the groups of who signs in.',
          ['groups'],
        ),
        viewer: groupsFor('Who is in one of these looks.', 'analytics'),
        operator: groupsFor('Also runs, cancels, retries and pauses.', 'analytics-engineering'),
        admin: groupsFor('Also backfills, rebuilds the history and sends test messages.', 'data-platform'),
      }),
      'Groups of the company’s directory that count as those of the pages. Default: each user is put into a group of the user pool by hand.',
    ),
  ),
})
export type SiteSpec = z.output<typeof siteSpec>
