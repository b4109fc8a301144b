import { Aws, SecretValue } from 'aws-cdk-lib'
import {
  AccountRecovery,
  CfnUserPoolGroup,
  Mfa,
  OAuthScope,
  ProviderAttribute,
  UserPool,
  UserPoolClient,
  UserPoolClientIdentityProvider,
  type UserPoolDomain,
  UserPoolIdentityProviderOidc,
  UserPoolIdentityProviderSaml,
  UserPoolIdentityProviderSamlMetadata,
} from 'aws-cdk-lib/aws-cognito'
import { Duration, RemovalPolicy } from 'aws-cdk-lib/core'
import { Construct } from 'constructs'
import type { SiteConfig } from '../../shared/config-model.ts'
import { ROLES } from '../../shared/page-api.ts'
import { SITE_CALLBACK } from '../../shared/resource-names.ts'
import { acknowledge } from '../acknowledge.ts'

export interface SignInProps {
  readonly installation: string
  readonly site: SiteConfig
}

/** Who may look, and who may act: a user pool with a group for each role. Nobody signs up by themselves. */
export class SignIn extends Construct {
  readonly pool: UserPool
  readonly domain: UserPoolDomain
  private readonly provider: UserPoolClientIdentityProvider
  private readonly made: Construct[] = []

  constructor(scope: Construct, id: string, { installation, site }: SignInProps) {
    super(scope, id)
    this.pool = new UserPool(this, 'Pool', {
      userPoolName: installation,
      selfSignUpEnabled: false,
      signInAliases: { email: true },
      signInCaseSensitive: false,
      standardAttributes: { email: { required: true, mutable: true } },
      mfa: Mfa.REQUIRED,
      mfaSecondFactor: { otp: true, sms: false },
      passwordPolicy: {
        minLength: 14,
        requireDigits: true,
        requireLowercase: true,
        requireUppercase: true,
        requireSymbols: true,
        tempPasswordValidity: Duration.days(3),
      },
      accountRecovery: AccountRecovery.EMAIL_ONLY,
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    acknowledge(this.pool, {
      'AwsSolutions-COG3':
        'Threat protection costs by the user; it can be switched on in the console. Nobody signs up, and a second factor is required.',
      'AwsSolutions-COG8': 'The plan with threat protection costs by the user; see COG3.',
    })
    // A prefix is one for all accounts of the region.
    this.domain = this.pool.addDomain('Domain', { cognitoDomain: { domainPrefix: `${installation}-${Aws.ACCOUNT_ID}` } })
    for (const [index, role] of ROLES.entries())
      new CfnUserPoolGroup(this, role, { userPoolId: this.pool.userPoolId, groupName: role, precedence: ROLES.length - index })
    this.provider = this.addProvider(site.signIn)
  }

  /** An app client of one origin: without a secret, for a code with PKCE; its tokens count for an hour and at that origin only. */
  addClient(id: string, origin: string, logoutUrls: string[] = []): UserPoolClient {
    const client = new UserPoolClient(this, id, {
      userPool: this.pool,
      generateSecret: false,
      authFlows: {},
      supportedIdentityProviders: [this.provider],
      oAuth: {
        flows: { authorizationCodeGrant: true },
        scopes: [OAuthScope.OPENID, OAuthScope.EMAIL],
        callbackUrls: [origin + SITE_CALLBACK],
        logoutUrls,
      },
      idTokenValidity: Duration.hours(1),
      accessTokenValidity: Duration.hours(1),
      refreshTokenValidity: Duration.hours(12),
      preventUserExistenceErrors: true,
    })
    client.node.addDependency(...this.made)
    return client
  }

  private addProvider(signIn: SiteConfig['signIn']): UserPoolClientIdentityProvider {
    const common = { userPool: this.pool, name: 'company', attributeMapping: { email: ProviderAttribute.other('email') } }
    switch (signIn.kind) {
      case 'password':
        return UserPoolClientIdentityProvider.COGNITO
      case 'saml': {
        const metadata = UserPoolIdentityProviderSamlMetadata.url(signIn.metadata)
        this.made.push(new UserPoolIdentityProviderSaml(this, 'Saml', { ...common, metadata }))
        break
      }
      case 'oidc': {
        const { issuer, clientId, clientSecret } = signIn
        const { field, name } = clientSecret
        const secret = SecretValue.secretsManager(name, field === null ? {} : { jsonField: field }).unsafeUnwrap()
        const scopes = ['openid', 'email']
        const props = { ...common, issuerUrl: issuer, clientId, clientSecret: secret, scopes }
        this.made.push(new UserPoolIdentityProviderOidc(this, 'Oidc', props))
      }
    }
    return UserPoolClientIdentityProvider.custom(common.name)
  }
}
