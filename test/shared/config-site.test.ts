import assert from 'node:assert/strict'
import { test } from 'node:test'
import { good, problem, problems, yaml } from './config-helper.ts'

const CERTIFICATE = 'arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f'
const site = (changes = '', { docs = 'docs.acme.example', certificate = CERTIFICATE } = {}) =>
  yaml({
    more: `notifications: { email: [a@example.com] }\nsite: { domain: runs.acme.example, docs_domain: ${docs}, certificate: "${certificate}"${changes} }`,
  })

test('hosted pages have two host names, a certificate for both, and one way to sign in', () => {
  assert.equal(good(yaml()).config.site, undefined)
  const { config } = good(site())
  assert.deepEqual(config.site, {
    domain: 'runs.acme.example',
    docsDomain: 'docs.acme.example',
    certificate: CERTIFICATE,
    signIn: { kind: 'password' },
  })
  assert.deepEqual(good(site(', saml: { metadata: "https://idp.acme.example/saml" }')).config.site?.signIn, {
    kind: 'saml',
    metadata: 'https://idp.acme.example/saml',
    email: 'email',
  })
  const oidc = ', oidc: { issuer: "https://idp.acme.example", client_id: tm, client_secret: "idp#secret" }'
  assert.deepEqual(good(site(oidc)).config.site?.signIn, {
    kind: 'oidc',
    issuer: 'https://idp.acme.example',
    clientId: 'tm',
    clientSecret: { name: 'idp', field: 'secret' },
    scopes: ['openid', 'email'],
  })
  assert.match(problem(site(`${oidc}, saml: { metadata: "https://idp.acme.example/saml" }`)), /stands beside saml/)
})

test('groups of a directory count as those of the pages; without a directory there are none', () => {
  const saml = ', saml: { metadata: "https://idp.acme.example/saml", email: "urn:mail" }'
  const { config } = good(site(`${saml}, groups: { claim: memberOf, viewer: all, admin: [leads, "on call"] }`))
  assert.deepEqual(config.site?.signIn, { kind: 'saml', metadata: 'https://idp.acme.example/saml', email: 'urn:mail' })
  assert.deepEqual(config.site?.groups, {
    claim: 'memberOf',
    roles: { viewer: ['all'], operator: [], admin: ['leads', 'on call'] },
  })
  assert.match(problem(site(', groups: { claim: groups, viewer: all }')), /stands without saml or oidc/)
  assert.match(problem(site(`${saml}, groups: { claim: groups, viewer: "a, b" }`)), /is not the name of a group/)
  const oidc = ', oidc: { issuer: "https://idp.acme.example", client_id: tm, client_secret: s, scopes: [email] }'
  assert.match(problem(site(oidc)), /scopes without "openid"/)
})

test('docs on the host of the pages, a certificate of another region, and names that are none are refused', () => {
  assert.match(problem(site('', { docs: 'runs.acme.example' })), /dbt’s docs need another one/)
  assert.match(
    problem(site('', { certificate: CERTIFICATE.replace('us-east-1', 'eu-central-1') })),
    /in us-east-1, the only region/,
  )
  assert.match(problem(site('', { docs: 'https://docs.acme.example' })), /is not a host name/)
  assert.match(problem(site(', saml: { metadata: "http://idp.acme.example" }')), /begins with https/)
  assert.equal(problems(site(', colour: red')).length, 1)
})
