/** Posts a card to a workflow of Power Automate, which shows it in a channel of Microsoft Teams. */
import type { Config } from '../../shared/config-model.ts'
import { renderTeams } from '../../shared/message-teams.ts'
import type { Send } from './deliver.ts'
import { type Http, post } from './http.ts'
import { parseAddress, type Secrets } from './secrets.ts'
import { targetSecret } from './target-secret.ts'
import { withSecret } from './with-secret.ts'

export interface TeamsDeps extends Http {
  secrets: Secrets
  settings(): Promise<Config['channels']['teams']>
}

export function makeTeams(deps: TeamsDeps): Send {
  return async (message, { target }) => {
    const secret = targetSecret(await deps.settings(), target)
    if (!secret) return { outcome: 'never', error: `notifications.teams has no target "${target}" any more` }
    const body = JSON.stringify(renderTeams(message))
    return withSecret(
      deps.secrets,
      secret,
      async address => (await post(deps, { to: parseAddress(address, secret), body })).delivery,
    )
  }
}
