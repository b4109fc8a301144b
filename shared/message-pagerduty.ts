/** A message as events of PagerDuty's Events API v2, without the routing key. */
import { oneLine } from './format.ts'
import type { Message } from './message.ts'
import { failureLines } from './message-text.ts'

export interface PagerDutyEvent {
  event_action: 'trigger' | 'resolve'
  /** One for each job: what fails again adds to its incident, the next good run resolves it. At most 255 characters. */
  dedup_key: string
  payload?: {
    summary: string
    source: string
    severity: 'error' | 'warning' | 'info'
    component: string
    group: string
    class: string
    custom_details: Record<string, string>
  }
  links?: { href: string; text: string }[]
  client?: string
}

/** Longest summary, Events API reference. The whole event may have 512 KB, of which ours has a few. */
const MAX_SUMMARY = 1024

const SEVERITY: Record<Message['kind'], 'error' | 'warning' | 'info'> = {
  error: 'error',
  missed: 'error',
  warn: 'warning',
  late: 'warning',
  source_stale: 'warning',
  cancelled: 'info',
  success: 'info',
  recovered: 'info',
  test: 'info',
}

export function renderPagerDuty(message: Message, installation: string): PagerDutyEvent[] {
  const { kind, project, environment, job } = message
  const key = `tidemill/${installation}/${kind === 'test' ? 'test' : `${project}/${job}`}`
  if (kind === 'recovered' || kind === 'success') return [{ event_action: 'resolve', dedup_key: key }]
  return [
    {
      event_action: 'trigger',
      dedup_key: key,
      payload: {
        summary: oneLine(message.subject, MAX_SUMMARY),
        source: [installation, project, environment].filter(Boolean).join('/'),
        severity: SEVERITY[kind],
        component: job,
        group: project,
        class: message.run?.reason ?? kind,
        custom_details: detailsOf(message),
      },
      links: message.links.map(({ label, url }) => ({ href: url, text: label })),
      client: 'Tidemill',
    },
  ]
}

function detailsOf(message: Message): Record<string, string> {
  const details = {
    what: message.title,
    failed: failureLines(message).join('\n'),
    said: message.words,
    meaning: message.meaning.join('\n'),
    facts: message.facts.join('\n'),
    next: message.next,
    commands: message.commands.map(({ does, command }) => `${does}: ${command}`).join('\n'),
    run: message.runId,
  }
  return Object.fromEntries(Object.entries(details).filter(([, text]) => text))
}
