import { Duration } from 'aws-cdk-lib'
import type { ICertificate } from 'aws-cdk-lib/aws-certificatemanager'
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  HeadersFrameOption,
  HeadersReferrerPolicy,
  HttpVersion,
  OriginRequestPolicy,
  PriceClass,
  ResponseHeadersPolicy,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront'
import { FunctionUrlOrigin } from 'aws-cdk-lib/aws-cloudfront-origins'
import type { FunctionUrl } from 'aws-cdk-lib/aws-lambda'
import { Construct } from 'constructs'
import { SITE_HEADER } from '../../shared/resource-names.ts'
import { acknowledge } from '../acknowledge.ts'

export interface SiteDistributionProps {
  readonly kind: 'pages' | 'docs'
  readonly domain: string
  readonly certificate: ICertificate
  readonly url: FunctionUrl
  /** Content-Security-Policy of an answer that has none, such as CloudFront's own. */
  readonly policy: string
}

/** One host name in front of the function. Nothing is cached in between: each request is checked where the answer is made. */
export class SiteDistribution extends Construct {
  readonly domainName: string

  constructor(scope: Construct, id: string, { kind, domain, certificate, url, policy }: SiteDistributionProps) {
    super(scope, id)
    const origin = FunctionUrlOrigin.withOriginAccessControl(url, {
      // In place of what a browser sent under this name.
      customHeaders: { [SITE_HEADER]: kind },
      readTimeout: Duration.seconds(60),
    })
    const distribution = new Distribution(this, 'Distribution', {
      comment: `Tidemill: ${kind}`,
      domainNames: [domain],
      certificate,
      minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
      httpVersion: HttpVersion.HTTP2_AND_3,
      priceClass: PriceClass.PRICE_CLASS_100,
      defaultBehavior: {
        origin,
        allowedMethods: kind === 'pages' ? AllowedMethods.ALLOW_ALL : AllowedMethods.ALLOW_GET_HEAD,
        cachePolicy: CachePolicy.CACHING_DISABLED,
        originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        responseHeadersPolicy: this.makeHeaders(policy),
      },
    })
    this.domainName = distribution.distributionDomainName
    acknowledge(distribution, {
      'AwsSolutions-CFR1': 'Where people work from is for the owner of the account to say.',
      'AwsSolutions-CFR2':
        'A web ACL costs more a month than the rest of the installation; nothing but the sign-in is answered without a token.',
      'AwsSolutions-CFR3':
        'The function logs its failures and the audit trail every operation; access logs can be switched on where an audit asks for them.',
    })
  }

  private makeHeaders(policy: string): ResponseHeadersPolicy {
    return new ResponseHeadersPolicy(this, 'Headers', {
      securityHeadersBehavior: {
        strictTransportSecurity: { accessControlMaxAge: Duration.days(365), includeSubdomains: false, override: true },
        contentTypeOptions: { override: true },
        frameOptions: { frameOption: HeadersFrameOption.DENY, override: true },
        referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override: true },
        // What the function answers has the policy that fits it.
        contentSecurityPolicy: { contentSecurityPolicy: policy, override: false },
      },
    })
  }
}
