/** One-line faults of the code itself. Each takes away what one of the guarantees rests on, and must turn a named test red. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are parts of templates
export interface Mutation {
  /** What is taken away. */
  name: string
  file: string
  /** A text that is once in the file. */
  from: string
  to: string
  /** File and beginning of the name of the test that finds it. */
  test: [file: string, name: string]
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'a cause may be claimed twice',
    file: 'lambda/common/dynamo-store.ts',
    from: '{ Put: { TableName: dynamo.table, Item: cause, ConditionExpression: isNew } },',
    to: '{ Put: { TableName: dynamo.table, Item: cause } },',
    test: ['test/lambda/store.test.ts', 'fault 01: '],
  },
  {
    name: 'one run more than there are places',
    file: 'lambda/common/dynamo-places.ts',
    from: 'size(#running) < :limit',
    to: 'size(#running) <= :limit',
    test: ['test/lambda/store.test.ts', 'fault 11: '],
  },
  {
    name: 'the client token is another in each call',
    file: 'lambda/dispatcher/start.ts',
    from: 'const answer = await deps.ecs.run(input)',
    to: 'const answer = await deps.ecs.run({ ...input, clientToken: `${input.clientToken}-${call}` })',
    test: ['test/lambda/dispatcher.test.ts', 'fault 05: '],
  },
  {
    name: 'an attempt takes any task on',
    file: 'lambda/common/dynamo-store.ts',
    from: '(attribute_not_exists(#attempts[${number - 1}].#taskArn) OR #attempts[${number - 1}].#taskArn = :task)',
    to: '(attribute_not_exists(#attempts[${number - 1}].#taskArn) OR attribute_exists(#attempts[${number - 1}].#taskArn))',
    test: ['test/lambda/store.test.ts', 'fault 06: '],
  },
  {
    name: 'a stored call is repeated when its token is forgotten',
    file: 'lambda/sweeper/tasks.ts',
    from: 'const TOKEN_MS = 50 * MINUTE',
    to: 'const TOKEN_MS = 500 * MINUTE',
    test: ['test/lambda/sweeper.test.ts', 'fault 07: a stored call'],
  },
  {
    name: 'a paused job starts',
    file: 'lambda/common/dynamo-places.ts',
    from: '(attribute_not_exists(#paused) AND ${free})',
    to: '(attribute_not_exists(#pausedBy) AND ${free})',
    test: ['test/lambda/store.test.ts', 'fault 13: '],
  },
  {
    name: 'a place of a run that goes on is given back',
    file: 'lambda/sweeper/places.ts',
    from: '.filter(run => !isFinal(run.status))',
    to: '.filter(run => isFinal(run.status))',
    test: ['test/lambda/sweeper-limits.test.ts', 'fault 12: '],
  },
  {
    name: 'a run ends as often as somebody says so',
    file: 'lambda/common/dynamo-places.ts',
    from: "condition: conditions.join(' AND '),",
    to: "condition: conditions.join(' OR '),",
    test: ['test/lambda/store.test.ts', 'fault 31: '],
  },
  {
    name: 'RUNNING after the end counts',
    file: 'lambda/common/dynamo-store.ts',
    from: '`${isAttempt(number)} AND #status = :starting`',
    to: '`${isAttempt(number)} AND (#status = :starting OR attribute_exists(#status))`',
    test: ['test/lambda/store.test.ts', 'fault 32: '],
  },
  {
    name: 'a task that ECS has forgotten still runs',
    file: 'lambda/sweeper/tasks.ts',
    from: 'if (age(deps, attempt.dispatchedAt) < UNKNOWN_MS) return undefined',
    to: 'if (age(deps, attempt.dispatchedAt) > 0) return undefined',
    test: ['test/lambda/sweeper.test.ts', 'fault 33: a task that ECS'],
  },
  {
    name: 'an effect is done for good before it is done',
    file: 'lambda/common/effects.ts',
    from: 'await RUN_EFFECT[effect](deps, run)',
    to: 'await deps.store.effectDone(run.id, effect).then(() => RUN_EFFECT[effect](deps, run))',
    test: ['test/lambda/finisher.test.ts', 'fault 35: '],
  },
  {
    name: 'a pointer moves back',
    file: 'lambda/common/effect-publish.ts',
    from: 'rankOf(before) >= rankOf(pointer)',
    to: 'rankOf(before) < rankOf(pointer)',
    test: ['test/lambda/effects.test.ts', 'fault 37: '],
  },
  {
    name: 'of a time that comes twice both must have a run',
    file: 'lambda/sweeper/missed.ts',
    from: 'each.causes.every(cause => missing.has(cause))',
    to: 'each.causes.some(cause => missing.has(cause))',
    test: ['test/lambda/missed.test.ts', 'fault 44: '],
  },
  {
    name: 'a message that is on its way is sent again',
    file: 'lambda/common/dynamo-store.ts',
    from: "condition: '#state = :failed',",
    to: "condition: '#state IN (:failed, :pending)',",
    test: ['test/lambda/api.test.ts', 'messages that were given up'],
  },
  {
    name: 'a lease is taken from its holder',
    file: 'lambda/common/dynamo-lease.ts',
    from: "'attribute_not_exists(#holder) OR #until < :now'",
    to: "'attribute_not_exists(#holder) OR #until >= :now'",
    test: ['test/lambda/store.test.ts', 'store in memory: the lease has one holder'],
  },
  {
    name: 'the page answers without its token',
    file: 'cli/ui-server.ts',
    from: "if (typeof given === 'string' && isSame(given, token)) return undefined",
    to: "if (given === undefined || (typeof given === 'string' && isSame(given, token))) return undefined",
    test: ['test/cli/fault-ui.it.test.ts', 'fault 48: '],
  },
  {
    name: 'the page answers other pages',
    file: 'cli/ui-server.ts',
    from: 'headers.origin !== undefined && headers.origin !== origin',
    to: 'headers.origin === undefined && headers.origin !== origin',
    test: ['test/cli/fault-ui.it.test.ts', 'fault 48: '],
  },
  {
    name: 'the page answers to any name',
    file: 'cli/loopback.ts',
    from: '`http://${request.headers.host}` !== origin',
    to: "request.headers.host === ''",
    test: ['test/cli/fault-ui.it.test.ts', 'fault 48: '],
  },
  {
    name: 'an attempt writes its docs over those of the one before',
    file: 'shared/plan-build.ts',
    from: 'docs: KEY.docs(run.project, run.environment, run.id, attempt)',
    to: 'docs: KEY.docs(run.project, run.environment, run.id, 1)',
    test: ['test/cli/docs-retry.it.test.ts', 'fault 37: '],
  },
  {
    name: 'the docs of a project ask for those of another one',
    file: 'shared/page-headers.ts',
    from: '`connect-src ${folder}`',
    to: '"connect-src \'self\'"',
    test: ['test/cli/docs-server.it.test.ts', 'each kind of file'],
  },
  {
    name: 'docs open windows',
    file: 'shared/page-headers.ts',
    from: 'allow-forms allow-downloads',
    to: 'allow-forms allow-popups allow-downloads',
    test: ['test/cli/docs-server.it.test.ts', 'each kind of file'],
  },
]
