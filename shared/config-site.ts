/** The hosted pages, from what the user wrote. */
import type { NamedSection } from './config-check.ts'
import type { SiteConfig } from './config-model.ts'
import type { Findings } from './config-resolve.ts'
import type { SiteSpec } from './config-schema-site.ts'

export function resolveSite({ file }: NamedSection, spec: SiteSpec | undefined, findings: Findings): SiteConfig | undefined {
  if (!spec) return undefined
  const { domain, docs_domain: docsDomain, certificate, saml, oidc } = spec
  const problem = (key: string, text: string) => findings.problems.push(file.problem(['site', key], text))
  if (domain === docsDomain)
    problem(
      'docs_domain',
      'is the host name of the pages; dbt’s docs need another one, so that nothing of them reaches the pages',
    )
  if (saml && oidc) problem('oidc', 'stands beside saml; one of the two signs people in')
  const signIn: SiteConfig['signIn'] = saml
    ? { kind: 'saml', metadata: saml.metadata }
    : oidc
      ? { kind: 'oidc', issuer: oidc.issuer, clientId: oidc.client_id, clientSecret: oidc.client_secret }
      : { kind: 'password' }
  return { domain, docsDomain, certificate, signIn }
}
