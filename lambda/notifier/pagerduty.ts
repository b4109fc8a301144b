/** Triggers and resolves incidents of PagerDuty. */
import type { Config } from '../../shared/config-model.ts'
import { renderPagerDuty } from '../../shared/message-pagerduty.ts'
import type { Send } from './deliver.ts'
import { type Http, post } from './http.ts'
import { nameOf, type Secrets } from './secrets.ts'
import { targetSecret } from './target-secret.ts'
import { withSecret } from './with-secret.ts'

export interface PagerDutyDeps extends Http {
  secrets: Secrets
  settings(): Promise<Config['channels']['pagerduty']>
  installation: string
  /** Where events go, by the account's region. */
  api: Record<'us' | 'eu', URL>
}

export const PAGERDUTY_API = {
  us: new URL('https://events.pagerduty.com/v2/enqueue'),
  eu: new URL('https://events.eu.pagerduty.com/v2/enqueue'),
}

export function makePagerDuty(deps: PagerDutyDeps): Send {
  return async (message, { target }) => {
    const settings = await deps.settings()
    const secret = targetSecret(settings, target)
    if (!settings || !secret) return { outcome: 'never', error: `notifications.pagerduty has no target "${target}" any more` }
    const events = renderPagerDuty(message, deps.installation)
    return withSecret(deps.secrets, secret, async key => {
      if (!/^[\w-]{16,64}$/.test(key))
        throw new Error(`${nameOf(secret)} does not hold the integration key of a PagerDuty service`)
      for (const event of events) {
        const body = JSON.stringify({ routing_key: key, ...event })
        const { delivery } = await post(deps, { to: deps.api[settings.region], body })
        if (delivery.outcome !== 'sent') return delivery
      }
      return { outcome: 'sent' }
    })
  }
}
