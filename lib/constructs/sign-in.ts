import { Aws, SecretValue } from 'aws-cdk-lib'
import {
  AccountRecovery,
  CfnUserPoolGroup,
  ClientAttributes,
  Mfa,
  OAuthScope,
  ProviderAttribute,
  StringAttribute,
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
import { ROLES } from '../../shared/page-roles.ts'
import { DIRECTORY_GROUPS, SITE_CALLBACK } from '../../shared/resource-names.ts'
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
  private readonly attributes: ClientAttributes
  private readonly made: Construct[] = []

  constructor(scope: Construct, id: string, { installation, site }: SignInProps) {
    super(scope, id)
    this.pool = new UserPool(this, 'Pool', {
      userPoolName: installation,
      selfSignUpEnabled: false,
      signInAliases: { email: true },
      signInCaseSensitive: false,
      standardAttributes: { email: { required: true, mutable: true } },
      // Always there: a pool can get an attribute later, and lose none. 2048 is the most Cognito takes from a directory.
      customAttributes: { [DIRECTORY_GROUPS]: new StringAttribute({ mutable: true, maxLen: 2048 }) },
      // The address is the name in the audit trail: whoever changes theirs has to show that it is theirs. A directory says it itself.
      ...(site.signIn.kind === 'password' && { keepOriginal: { email: true } }),
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
    this.provider = this.addProvider(site)
    const email = new ClientAttributes().withStandardAttributes({ email: true })
    this.attributes = site.groups ? email.withCustomAttributes(DIRECTORY_GROUPS) : email
  }

  /** An app client of one origin: without a secret, for a code with PKCE; its tokens count for an hour and at that origin only. */
  addClient(id: string, origin: string, logoutUrls: string[] = []): UserPoolClient {
    const client = new UserPoolClient(this, id, {
      userPool: this.pool,
      generateSecret: false,
      // Cognito's default lets everybody sign in past the sign-in page, and then change their own attributes.
      authFlows: { userSrp: false },
      supportedIdentityProviders: [this.provider],
      oAuth: {
        flows: { authorizationCodeGrant: true },
        scopes: [OAuthScope.OPENID],
        callbackUrls: [origin + SITE_CALLBACK],
        ...(logoutUrls.length && { logoutUrls }),
      },
      idTokenValidity: Duration.hours(1),
      accessTokenValidity: Duration.hours(1),
      // Nobody keeps one; it may not be shorter than the others.
      refreshTokenValidity: Duration.hours(1),
      readAttributes: this.attributes,
      // A sign-in by the directory writes what it says of somebody.
      writeAttributes: this.attributes,
      preventUserExistenceErrors: true,
    })
    client.node.addDependency(...this.made)
    return client
  }

  private addProvider({ signIn, groups }: SiteConfig): UserPoolClientIdentityProvider {
    const attributeMapping = {
      email: ProviderAttribute.other(signIn.kind === 'saml' ? signIn.email : 'email'),
      ...(groups && { custom: { [`custom:${DIRECTORY_GROUPS}`]: ProviderAttribute.other(groups.claim) } }),
    }
    const common = { userPool: this.pool, name: 'company', attributeMapping }
    switch (signIn.kind) {
      case 'password':
        return UserPoolClientIdentityProvider.COGNITO
      case 'saml': {
        const metadata = UserPoolIdentityProviderSamlMetadata.url(signIn.metadata)
        this.made.push(new UserPoolIdentityProviderSaml(this, 'Saml', { ...common, metadata }))
        break
      }
      case 'oidc': {
        const { issuer, clientId, clientSecret, scopes } = signIn
        const { field, name } = clientSecret
        const secret = SecretValue.secretsManager(name, field === null ? {} : { jsonField: field }).unsafeUnwrap()
        const props = { ...common, issuerUrl: issuer, clientId, clientSecret: secret, scopes }
        this.made.push(new UserPoolIdentityProviderOidc(this, 'Oidc', props))
      }
    }
    return UserPoolClientIdentityProvider.custom(common.name)
  }
}
