/** A message for an incoming webhook of Slack, or of what accepts the same JSON. */
import { stripControls } from './format.ts'
import type { Message } from './message.ts'
import { failureLines, renderText } from './message-text.ts'

export interface SlackText {
  type: 'mrkdwn'
  text: string
  /** Slack makes no links, channels or people out of words. */
  verbatim: true
}
export type SlackBlock = { type: 'section'; text: SlackText } | { type: 'context'; elements: SlackText[] }
export interface SlackPayload {
  /** For notifications, and for receivers that do not know blocks. */
  text: string
  blocks: SlackBlock[]
  parse: 'none'
  link_names: false
  unfurl_links: false
  channel?: string
}

/** Longest text of a block, Slack's Block Kit reference. There are at most seven blocks of the 50 allowed. */
const MAX_TEXT = 3000

/** Puts a message into the thread of another, and into the channel as well: who reads only that must see that it is over. */
export const slackReply = (ts: string | undefined) => (ts === undefined ? {} : { thread_ts: ts, reply_broadcast: true })

/** `channel`: empty for the webhook's own. */
export function renderSlack(message: Message, channel: string): SlackPayload {
  return {
    text: escapeSlack(renderText(message), MAX_TEXT),
    blocks: blocksOf(message),
    parse: 'none',
    link_names: false,
    unfurl_links: false,
    ...(channel && { channel }),
  }
}

function blocksOf(message: Message): SlackBlock[] {
  const failures = failureLines(message).join('\n')
  const todo = [
    ...(message.next ? [escapeSlack(message.next, 1000)] : []),
    ...message.commands.map(({ does, command }) => `${escapeSlack(does, 200)}: \`${escapeSlack(command, 300)}\``),
  ]
  return [
    section(`*${escapeSlack(message.title.replaceAll('*', ''), MAX_TEXT - 2)}*`),
    ...(failures ? [section(code(failures))] : []),
    ...(message.words ? [section(code(message.words))] : []),
    ...(message.meaning.length ? [section(escapeSlack(message.meaning.join('\n'), MAX_TEXT))] : []),
    ...(message.facts.length ? [context(escapeSlack(message.facts.join('\n'), MAX_TEXT))] : []),
    ...(todo.length ? [section(todo.join('\n'))] : []),
    context([...message.links.map(({ label, url }) => link(label, url)), `Run ${message.runId}`].join('  ·  ')),
  ]
}

const mrkdwn = (text: string): SlackText => ({ type: 'mrkdwn', text, verbatim: true })
const section = (text: string): SlackBlock => ({ type: 'section', text: mrkdwn(text) })
const context = (text: string): SlackBlock => ({ type: 'context', elements: [mrkdwn(text)] })
/** Verbatim: asterisks and underscores of SQL stay what they are. */
const code = (text: string) => `\`\`\`\n${escapeSlack(text, MAX_TEXT - 8)}\n\`\`\``
/** `|`, `<` and `>` would end the link. */
const link = (label: string, url: string) => `<${url.replace(/[|<>]/g, encodeURIComponent)}|${escapeSlack(label, 60)}>`

const ENTITY: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** Slack's three characters escaped, calls to everybody made inert, at most `max` characters afterwards. */
function escapeSlack(text: string, max: number): string {
  // Three backticks would end our code block. Receivers like Mattermost look for @channel in plain words: an invisible space keeps it readable and inert.
  const inert = stripControls(text.slice(0, max * 2))
    .replaceAll('```', "'''")
    .replace(/@(?=channel|here|everyone|all\b)/gi, '@\u200b')
  let escaped = ''
  for (const character of inert) {
    const next = ENTITY[character] ?? character
    if (escaped.length + next.length > max - 1) return `${escaped}…`
    escaped += next
  }
  return escaped
}
