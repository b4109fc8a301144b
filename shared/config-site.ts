/** The hosted pages, from what the user wrote. */
import type { NamedSection } from './config-check.ts'
import type { SiteConfig } from './config-model.ts'
import type { Findings } from './config-resolve.ts'
import type { SiteSpec } from './config-schema-site.ts'

export function resolveSite({ file }: NamedSection, spec: SiteSpec | undefined, findings: Findings): SiteConfig | undefined {
  if (!spec) return undefined
  const { domain, docs_domain: docsDomain, certificate, saml, oidc, groups } = spec
  const problem = (key: string, text: string) => findings.problems.push(file.problem(['site', key], text))
  if (domain === docsDomain)
    problem(
      'docs_domain',
      'is the host name of the pages; dbt’s docs need another one, so that nothing of them reaches the pages',
    )
  if (saml && oidc) problem('oidc', 'stands beside saml; one of the two signs people in')
  if (groups && !saml && !oidc)
    problem('groups', 'stands without saml or oidc; a user of the pool is put into a group of the pool')
  if (oidc && !oidc.scopes.includes('openid')) problem('oidc', 'has scopes without "openid", which every sign-in asks for')
  const signIn: SiteConfig['signIn'] = saml
    ? { kind: 'saml', ...saml }
    : oidc
      ? { kind: 'oidc', issuer: oidc.issuer, clientId: oidc.client_id, clientSecret: oidc.client_secret, scopes: oidc.scopes }
      : { kind: 'password' }
  return { domain, docsDomain, certificate, signIn, ...(groups && { groups: resolveGroups(groups) }) }
}

function resolveGroups({ claim, viewer, operator, admin }: NonNullable<SiteSpec['groups']>): NonNullable<SiteConfig['groups']> {
  const list = (names: string | string[] = []) => [names].flat()
  return { claim, roles: { viewer: list(viewer), operator: list(operator), admin: list(admin) } }
}
