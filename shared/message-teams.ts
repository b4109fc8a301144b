/**
 * A message as an Adaptive Card, in the envelope that the workflows of Power Automate take. Text stands in text runs, which
 * know no Markdown: names and SQL stay what they are.
 */
import { cutText } from './format.ts'
import type { Message } from './message.ts'
import { failureLines } from './message-text.ts'

export interface TextRun {
  type: 'TextRun'
  text: string
  weight?: 'Bolder'
  size?: 'Medium'
  color?: 'Attention' | 'Warning' | 'Good'
  fontType?: 'Monospace'
  isSubtle?: true
}
export interface RichTextBlock {
  type: 'RichTextBlock'
  inlines: TextRun[]
  spacing?: 'None' | 'Medium'
}
export interface TeamsPayload {
  type: 'message'
  /** What phones show as the notification. */
  summary: string
  attachments: [
    {
      contentType: 'application/vnd.microsoft.card.adaptive'
      contentUrl: null
      content: {
        $schema: string
        type: 'AdaptiveCard'
        version: '1.4'
        msteams: { width: 'Full' }
        body: RichTextBlock[]
        actions: { type: 'Action.OpenUrl'; title: string; url: string }[]
      }
    },
  ]
}

/** Teams takes about 28 KB and counts its own markup in; some met the limit at 21 KB. */
const MAX_BYTES = 20_000
/** Longest lines, shortened until the card fits: letters of other scripts take three bytes each. */
const LINES = [1000, 400, 150, 60]

const COLOUR: Partial<Record<Message['kind'], NonNullable<TextRun['color']>>> = {
  error: 'Attention',
  missed: 'Attention',
  warn: 'Warning',
  late: 'Warning',
  source_stale: 'Warning',
  recovered: 'Good',
  success: 'Good',
}

export function renderTeams(message: Message): TeamsPayload {
  const payloads = LINES.map(max => payloadOf(message, max))
  const bytes = (payload: TeamsPayload) => new TextEncoder().encode(JSON.stringify(payload)).length
  const [shortest] = payloads.slice(-1)
  return payloads.find(payload => bytes(payload) <= MAX_BYTES) ?? (shortest as TeamsPayload)
}

function payloadOf(message: Message, max: number): TeamsPayload {
  const color = COLOUR[message.kind]
  const plain = (line: string) => text(line, max)
  const code = (line: string) => ({ ...text(line, max), fontType: 'Monospace' as const })
  const subtle = (line: string) => ({ ...text(line, max), isSubtle: true as const })
  const said = message.words ? message.words.split('\n') : []
  return {
    type: 'message',
    summary: text(message.subject, max).text,
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'Full' },
          body: [
            block([{ ...plain(message.title), weight: 'Bolder', size: 'Medium', ...(color && { color }) }]),
            ...section([...failureLines(message), ...said].map(code)),
            ...section(message.meaning.map(plain)),
            ...section(message.facts.map(subtle)),
            ...section(message.next ? [plain(message.next)] : []),
            ...message.commands.flatMap(({ does, command }) => [
              block([plain(`${does}:`)], 'Medium'),
              block([code(command)], 'None'),
            ]),
            block([subtle(`Run ${message.runId}`)], 'Medium'),
          ],
          actions: message.links.map(({ label, url }) => ({ type: 'Action.OpenUrl', title: label, url })),
        },
      },
    ],
  }
}

const block = (inlines: TextRun[], spacing?: RichTextBlock['spacing']): RichTextBlock => ({
  type: 'RichTextBlock',
  inlines,
  ...(spacing && { spacing }),
})

/** A line a block: how a line break within one is shown differs between clients. */
const section = (lines: TextRun[]): RichTextBlock[] => lines.map((line, index) => block([line], index === 0 ? 'Medium' : 'None'))

/** `{{DATE(…)}}` is a function of cards: an invisible space keeps it readable and inert. An empty run would be refused. */
const text = (line: string, max: number): TextRun => ({
  type: 'TextRun',
  text: cutText(line, max).replaceAll('{{', '{\u200b{') || '\u00a0',
})
