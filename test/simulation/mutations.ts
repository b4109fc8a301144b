/** Mistakes of one line that the simulation has to find: it would be no check without them. */
import type { Mutation } from './build.ts'

export const MUTATIONS: Mutation[] = [
  {
    name: 'a claim does not look whether the cause has a run',
    file: 'lambda/common/dynamo-store.ts',
    from: 'Item: cause, ConditionExpression: isNew',
    to: 'Item: cause',
    rules: ['a request that is repeated is answered with its run', 'a cause has one run'],
  },
  {
    name: 'a start takes a place more than there are',
    file: 'lambda/common/dynamo-places.ts',
    from: 'size(#running) < :limit',
    to: 'size(#running) <= :limit',
    // Where one place is all there is, the one too many is both.
    rules: ['a limit is never exceeded', 'never two tasks where one is allowed'],
  },
  {
    name: 'an end does not look at what the run has become',
    file: 'lambda/common/dynamo-places.ts',
    from: 'const conditions = [',
    to: "const conditions = ['attribute_exists(#status) OR attribute_exists(#status)',",
    rules: ['a final state never changes'],
  },
  {
    name: 'the lease of a message runs out while it is sent',
    file: 'lambda/notifier/deliver.ts',
    from: 'LEASE_SECONDS = 150',
    to: 'LEASE_SECONDS = 5',
    rules: [
      'a message is not sent again once it is kept as sent',
      'a message comes twice only if the outcome of a send is unknown',
    ],
  },
  {
    name: 'a start has no token',
    file: 'lambda/dispatcher/task-input.ts',
    from: 'clientToken: clientToken(run.id, attempt),',
    to: '',
    rules: ['an attempt has at most one task, ever'],
  },
  {
    name: 'an effect counts as done before it is',
    file: 'lambda/common/effects.ts',
    from: 'await RUN_EFFECT[effect](deps, run)',
    to: 'await deps.store.effectDone(run.id, effect), await RUN_EFFECT[effect](deps, run)',
    rules: ['who wants to know is told', 'what runs after a job runs after each of its runs'],
  },
  {
    name: 'a dispatcher takes the lease that another has taken at the same moment',
    file: 'lambda/common/dynamo-lease.ts',
    from: "condition: 'attribute_not_exists(#holder) OR #until < :now',",
    to: "condition: 'attribute_not_exists(#holder) OR #until < :now OR attribute_exists(#holder)',",
    rules: ['one dispatcher at a time'],
  },
  {
    name: 'the end of a run that has started what runs after several jobs counts again',
    file: 'lambda/common/fan-in.ts',
    from: 'if (end.run <= (state.used',
    to: 'if (end.run < (state.used',
    rules: ['what runs after several jobs uses each of their runs once'],
  },
  {
    name: 'a slice of a backfill that goes on gets another run',
    file: 'lambda/api/backfill.ts',
    from: "=> isFinal(status) && status !== 'success'",
    to: "=> status !== 'success'",
    rules: ['a slice is run again only after a run that did not end well', 'what was answered stays'],
  },
  {
    name: 'a job that fails for ever goes on a little longer',
    file: 'lambda/common/streak.ts',
    from: 'counted.failures % deactivateAfter)',
    to: 'counted.failures % (deactivateAfter + 1))',
    rules: ['a job that failed so often in a row is paused', 'a job is paused by itself only for failures in a row'],
  },
  {
    name: 'a message does not wait for the end of quiet hours',
    file: 'lambda/common/effect-messages.ts',
    from: '...(notBefore && { leaseUntil: notBefore.toISOString() }),',
    to: '',
    rules: ['nobody is told in his quiet hours'],
  },
  {
    name: 'an owner is told of the nodes of all',
    file: 'lambda/common/recipients.ts',
    from: "if (rule.match !== 'unmatched') return own.length",
    to: "if (rule.match !== 'unmatched') return all.length",
    rules: ['nobody is told what he did not ask for'],
  },
  {
    name: 'a run goes back to the line although its task may exist',
    file: 'lambda/dispatcher/start.ts',
    from: 'return uncertain ?',
    to: 'return !answer ?',
    rules: ['never two tasks where one is allowed', 'never more tasks than the environment allows'],
  },
]
