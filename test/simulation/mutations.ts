/** Mistakes of one line that the simulation has to find: it would be no check without them. */
import type { Mutation } from './build.ts'

export const MUTATIONS: Mutation[] = [
  {
    name: 'a claim does not look whether the cause has a run',
    file: 'lambda/common/dynamo-store.ts',
    from: 'Item: cause, ConditionExpression: isNew',
    to: 'Item: cause',
  },
  {
    name: 'a start takes a place more than there are',
    file: 'lambda/common/dynamo-places.ts',
    from: 'size(#running) < :limit',
    to: 'size(#running) <= :limit',
  },
  {
    name: 'an end does not look at what the run has become',
    file: 'lambda/common/dynamo-places.ts',
    from: 'const conditions = [',
    to: "const conditions = ['attribute_exists(#status) OR attribute_exists(#status)',",
  },
  {
    name: 'the lease of a message runs out while it is sent',
    file: 'lambda/notifier/deliver.ts',
    from: 'LEASE_SECONDS = 150',
    to: 'LEASE_SECONDS = 5',
  },
  {
    name: 'a start has no token',
    file: 'lambda/dispatcher/task-input.ts',
    from: 'clientToken: clientToken(run.id, attempt),',
    to: '',
  },
  {
    name: 'an effect counts as done before it is',
    file: 'lambda/common/effects.ts',
    from: 'await RUN_EFFECT[effect](deps, run)',
    to: 'await deps.store.effectDone(run.id, effect), await RUN_EFFECT[effect](deps, run)',
  },
  {
    name: 'a run goes back to the line although its task may exist',
    file: 'lambda/dispatcher/start.ts',
    from: 'return uncertain ?',
    to: 'return !answer ?',
  },
]
