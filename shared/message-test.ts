/** The message that somebody sends to learn whether messages arrive. */
import { oneLine } from './format.ts'
import type { Message } from './message.ts'
import { shortActor } from './message-facts.ts'

export function makeTestMessage(test: {
  id: string
  installation: string
  channel: string
  target: string
  actor: string
}): Message {
  const where = test.target ? `${test.channel} (${oneLine(test.target, 80)})` : test.channel
  const title = `✓ Test: messages of ${test.installation} arrive here`
  return {
    kind: 'test',
    runId: test.id,
    project: '',
    environment: '',
    job: '',
    title,
    subject: title,
    failures: [],
    moreFailures: 0,
    words: '',
    meaning: [`${shortActor(test.actor)} asked for it, to see that ${where} works.`, 'Nothing has failed and nothing ran.'],
    facts: [],
    next: '',
    commands: [],
    links: [],
  }
}
