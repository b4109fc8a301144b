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
    rules: ['a limit is never exceeded'],
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
    name: 'a run goes back to the line although its task may exist',
    file: 'lambda/dispatcher/start.ts',
    from: 'return uncertain ?',
    to: 'return !answer ?',
    rules: ['never two tasks where one is allowed', 'never more tasks than the environment allows'],
  },
]
