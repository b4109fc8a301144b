/** The stack of the hosted pages: who reaches the function, what it may do, who signs in. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SiteConfig } from '../../shared/config-model.ts'
import { SITE_HEADER } from '../../shared/resource-names.ts'
import { config } from './fixture.ts'
import { ofType, one, type Resource, synthesise, type Template } from './synth.ts'

const SITE: SiteConfig = {
  domain: 'runs.acme.example',
  docsDomain: 'docs.acme.example',
  certificate: 'arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f',
  signIn: { kind: 'password' },
}
const OPTIONS = { timeout: 60_000 }

function synthesiseSite(changes: Partial<SiteConfig> = {}): { main: Template; site: Template } {
  const { main, site } = synthesise(config({ site: { ...SITE, ...changes } }))
  return { main, site: site ?? assert.fail('no stack of the pages') }
}
const properties = ({ Properties }: Resource) => Properties

describe('the stack of the hosted pages', () => {
  const { main, site } = synthesiseSite()

  it('is there only where the configuration has it, and does not change the other one', OPTIONS, () => {
    assert.equal(synthesise(config()).site, undefined)
    assert.ok(!JSON.stringify(main.resources).includes('AWS::CloudFront'))
  })

  it('tells what names, users and a company’s directory are to point at', OPTIONS, () => {
    assert.deepEqual(Object.keys(site.outputs).sort(), ['Docs', 'DocsTarget', 'Pages', 'PagesTarget', 'SignIn', 'UserPoolId'])
    assert.match(JSON.stringify(site.outputs.SignIn?.Value), /https:\/\/.*\.auth\..*amazoncognito\.com/)
  })

  it('has two host names, over TLS 1.2, which cache nothing and say which of them was asked', OPTIONS, () => {
    const found = ofType(site, 'AWS::CloudFront::Distribution').map(each => properties(each).DistributionConfig)
    const facts = found.map(({ Aliases, Origins, DefaultCacheBehavior, ViewerCertificate }) => ({
      names: Aliases,
      header: Origins[0].OriginCustomHeaders,
      signed: Origins[0].OriginAccessControlId !== undefined,
      methods: DefaultCacheBehavior.AllowedMethods.length,
      cache: DefaultCacheBehavior.CachePolicyId,
      viewers: DefaultCacheBehavior.ViewerProtocolPolicy,
      tls: ViewerCertificate.MinimumProtocolVersion,
    }))
    // CachingDisabled of AWS.
    const common = {
      signed: true,
      cache: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
      viewers: 'redirect-to-https',
      tls: 'TLSv1.2_2021',
    }
    assert.deepEqual(facts, [
      { ...common, names: ['runs.acme.example'], header: [{ HeaderName: SITE_HEADER, HeaderValue: 'pages' }], methods: 7 },
      { ...common, names: ['docs.acme.example'], header: [{ HeaderName: SITE_HEADER, HeaderValue: 'docs' }], methods: 2 },
    ])
  })

  it('lets nobody call the function but these two', OPTIONS, () => {
    const url = properties(one(site, 'AWS::Lambda::Url'))
    assert.deepEqual([url.AuthType, url.InvokeMode, url.Cors], ['AWS_IAM', 'RESPONSE_STREAM', undefined])
    const allowed = ofType(site, 'AWS::Lambda::Permission').map(properties)
    assert.equal(allowed.length, 4)
    for (const { Principal, SourceArn, Action, InvokedViaFunctionUrl } of allowed) {
      assert.equal(Principal, 'cloudfront.amazonaws.com')
      assert.match(JSON.stringify(SourceArn), /:distribution\//)
      assert.ok(Action === 'lambda:InvokeFunctionUrl' || InvokedViaFunctionUrl === true)
    }
    for (const each of ofType(site, 'AWS::CloudFront::OriginAccessControl')) {
      const { SigningBehavior, SigningProtocol } = properties(each).OriginAccessControlConfig
      assert.deepEqual([SigningBehavior, SigningProtocol], ['always', 'sigv4'])
    }
  })

  it('gives the function what the pages read, the call of the api, and no write', OPTIONS, () => {
    const role = ofType(site, 'AWS::IAM::Role')
      .map(properties)
      .find(each => JSON.stringify(each).includes('dynamodb'))
    const statements = role.Policies[0].PolicyDocument.Statement as { Action: string | string[]; Resource: unknown }[]
    const actions = statements.flatMap(({ Action }) => Action).sort()
    assert.deepEqual(actions, [
      'dynamodb:BatchGetItem',
      'dynamodb:GetItem',
      'dynamodb:Query',
      'lambda:InvokeFunction',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      's3:GetObject',
      's3:ListBucket',
    ])
    const text = JSON.stringify(statements)
    for (const top of ['plans', 'cache']) assert.ok(!text.includes(`/${top}/`), top)
    assert.match(text, /function:tidemill-api|:function:[\w-]+-api/)
    const { Variables } = properties(
      ofType(site, 'AWS::Lambda::Function').find(each => JSON.stringify(each).includes('TIDEMILL_SITE')) ?? assert.fail(),
    ).Environment
    assert.match(Variables.TIDEMILL_CONFIG_KEY, /^config\/[0-9a-f]{64}\.json$/, 'a name that changes must be no export')
  })

  it('signs in by password and a second factor; nobody signs up; a group for each role', OPTIONS, () => {
    const pool = properties(one(site, 'AWS::Cognito::UserPool'))
    assert.equal(pool.AdminCreateUserConfig.AllowAdminCreateUserOnly, true)
    assert.deepEqual([pool.MfaConfiguration, pool.EnabledMfas], ['ON', ['SOFTWARE_TOKEN_MFA']])
    assert.equal(pool.Policies.PasswordPolicy.MinimumLength, 14)
    assert.equal(one(site, 'AWS::Cognito::UserPool').DeletionPolicy, 'Retain')
    const groups = ofType(site, 'AWS::Cognito::UserPoolGroup').map(properties)
    assert.deepEqual(
      groups.map(({ GroupName, Precedence, RoleArn }) => [GroupName, Precedence, RoleArn]),
      [
        ['viewer', 3, undefined],
        ['operator', 2, undefined],
        ['admin', 1, undefined],
      ],
    )
    const clients = ofType(site, 'AWS::Cognito::UserPoolClient').map(properties)
    assert.deepEqual(
      clients.map(({ CallbackURLs }) => CallbackURLs),
      [['https://runs.acme.example/auth/callback'], ['https://docs.acme.example/auth/callback']],
    )
    assert.deepEqual(
      clients.flatMap(({ LogoutURLs = [] }) => LogoutURLs),
      ['https://runs.acme.example/auth/signed-out'],
    )
    for (const {
      AllowedOAuthFlows,
      AllowedOAuthScopes,
      ExplicitAuthFlows,
      GenerateSecret,
      SupportedIdentityProviders,
    } of clients)
      assert.deepEqual(
        [
          AllowedOAuthFlows,
          AllowedOAuthScopes,
          GenerateSecret,
          SupportedIdentityProviders,
          (ExplicitAuthFlows ?? []).join().includes('PASSWORD'),
        ],
        [['code'], ['openid'], false, ['COGNITO'], false],
      )
  })

  it(
    'gives tokens for an hour and at the sign-in page alone, and lets nobody change what the tokens say of them',
    OPTIONS,
    () => {
      const clients = ofType(site, 'AWS::Cognito::UserPoolClient').map(properties)
      for (const client of clients) {
        // Cognito's default would allow SRP and custom flows, whose tokens may change the user's own attributes.
        assert.deepEqual(client.ExplicitAuthFlows, ['ALLOW_REFRESH_TOKEN_AUTH'])
        assert.deepEqual(
          [client.IdTokenValidity, client.AccessTokenValidity, client.RefreshTokenValidity, client.TokenValidityUnits.IdToken],
          [60, 60, 60, 'minutes'],
        )
        assert.deepEqual([client.ReadAttributes, client.WriteAttributes], [['email'], ['email']])
      }
      const pool = properties(one(site, 'AWS::Cognito::UserPool'))
      assert.deepEqual(pool.UserAttributeUpdateSettings, { AttributesRequireVerificationBeforeUpdate: ['email'] })
      assert.deepEqual(pool.AccountRecoverySetting.RecoveryMechanisms, [{ Name: 'verified_email', Priority: 1 }])
      const { RequireLowercase, RequireNumbers, RequireSymbols, RequireUppercase, TemporaryPasswordValidityDays } =
        pool.Policies.PasswordPolicy
      assert.deepEqual(
        [RequireLowercase, RequireNumbers, RequireSymbols, RequireUppercase, TemporaryPasswordValidityDays],
        [true, true, true, true, 3],
      )
    },
  )

  const secret = { name: 'oidc', field: 'secret' }
  const scopes = ['openid', 'email', 'groups']
  const PROVIDERS: Record<string, SiteConfig['signIn']> = {
    SAML: { kind: 'saml', metadata: 'https://idp.acme.example/saml', email: 'urn:mail' },
    OIDC: { kind: 'oidc', issuer: 'https://idp.acme.example', clientId: 'tidemill', clientSecret: secret, scopes },
  }
  for (const [type, signIn] of Object.entries(PROVIDERS))
    it(`or by the directory of the company (${type}), and then not by password; its groups may count`, OPTIONS, () => {
      const roles = { viewer: ['all'], operator: [], admin: ['data-platform'] }
      const made = synthesiseSite({ signIn, groups: { claim: 'memberOf', roles } }).site
      const provider = properties(one(made, 'AWS::Cognito::UserPoolIdentityProvider'))
      assert.deepEqual(
        [provider.ProviderType, provider.ProviderName, provider.AttributeMapping],
        [type, 'company', { email: type === 'SAML' ? 'urn:mail' : 'email', 'custom:groups': 'memberOf' }],
      )
      const expected =
        type === 'SAML'
          ? { MetadataURL: 'https://idp.acme.example/saml', IDPSignout: false }
          : {
              client_id: 'tidemill',
              client_secret: '{{resolve:secretsmanager:oidc:SecretString:secret::}}',
              authorize_scopes: 'openid email groups',
              attributes_request_method: 'GET',
              oidc_issuer: 'https://idp.acme.example',
            }
      assert.deepEqual(provider.ProviderDetails, expected)
      assert.equal(properties(one(made, 'AWS::Cognito::UserPool')).UserAttributeUpdateSettings, undefined)
      const groups = properties(one(made, 'AWS::Cognito::UserPool')).Schema.find(
        (each: { Name: string }) => each.Name === 'groups',
      )
      assert.deepEqual([groups.Mutable, groups.StringAttributeConstraints.MaxLength], [true, '2048'])
      for (const each of ofType(made, 'AWS::Cognito::UserPoolClient')) {
        const client = properties(each)
        assert.deepEqual(client.SupportedIdentityProviders, ['company'])
        assert.ok(each.DependsOn?.some(name => name.includes(type === 'SAML' ? 'Saml' : 'Oidc')))
        // Cognito refuses a sign-in whose attributes the app client may not write.
        assert.deepEqual(
          [client.ReadAttributes, client.WriteAttributes],
          [
            ['custom:groups', 'email'],
            ['custom:groups', 'email'],
          ],
        )
      }
      assert.match(JSON.stringify(ofType(made, 'AWS::Lambda::Function')), /data-platform/)
      const plain = synthesiseSite({ signIn }).site
      assert.deepEqual(Object.keys(properties(one(plain, 'AWS::Cognito::UserPoolIdentityProvider')).AttributeMapping), ['email'])
    })
})
