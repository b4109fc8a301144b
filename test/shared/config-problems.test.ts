import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXAMPLE } from '../../shared/config-reference-text.ts'
import { generator, job, load, problem, problems, yaml } from './config-helper.ts'

test('files that are not YAML, empty, or not a map', () => {
  assert.deepEqual(problems(''), ['1:1  the file is empty; `tidemill init` writes one to start from'])
  assert.deepEqual(problems('- a\n'), ['1:1  the file is not a map of options (key: value)'])
  assert.match(problems('version: 1\n\tjobs: {}\n')[0] ?? '', /^2:1 .*tab/)
  assert.match(problems('jobs: {a: [}\n')[0] ?? '', /^1:\d+ .*a \{ or \[ is opened and not closed/)
  assert.match(problem('version: 1\nproject: a: b\n'), /put quotes around a value that holds one/)
  assert.match(problem('version: 1\n jobs: {}\n'), /^ has a second|line it up|is not an option/)
  assert.match(problem('version: 1\nproject: { name: "a }\njobs: {}\n'), /a quote is opened and not closed/)
  assert.match(
    problem(yaml({ jobs: '  a: { environment: prod, steps: [dbt build], schedule: { cron: */5 * * * * } }' })),
    /\* begins an alias in YAML; put quotes around/,
  )
})

test('an unquoted cron in block form', () => {
  assert.match(
    problem(yaml({ jobs: '  a:\n    environment: prod\n    steps: [dbt build]\n    schedule:\n      cron: */5 * * * *\n' })),
    /\* begins an alias/,
  )
})

test('a key that is there twice is named, and the rest is still checked', () => {
  const found = problems('version: 1\nversion: 1\nprojekt: {}\n')
  assert.ok(found.includes('2:1  "version" is here twice; keep one of the two'), found.join('\n'))
  assert.ok(found.some(each => each.includes('did you mean "project"?')))
  assert.ok(!found.some(each => each.includes('project is missing')))
})

test('unknown keys: the key that was meant, or the place it belongs to', () => {
  assert.equal(problem(job('time_out: 2h')), 'jobs.nightly.time_out unknown key; did you mean "timeout"?')
  assert.equal(
    problem(job('timezone: UTC')),
    'jobs.nightly.timezone unknown key here; it belongs in jobs.<name>.schedule or jobs.<name>.notify.quiet',
  )
  assert.match(problem(job('colour: red')), /^jobs\.nightly\.colour unknown key; known: environment, description, schedule/)
})

test('wrong types and missing options say what is expected', () => {
  assert.equal(problem(yaml({ jobs: '  a: { environment: prod }' })), 'jobs.a.steps is missing (a list ([a, b]))')
  assert.equal(
    problem(yaml({ jobs: '  a: { environment: prod, steps: dbt build }' })),
    'jobs.a.steps "dbt build": expected a list ([a, b]), got text',
  )
  assert.equal(
    problem(yaml({ jobs: '  a: { environment: prod, steps: [] }' })),
    'jobs.a.steps is an empty list; needs at least one',
  )
  assert.equal(problem(job('docs: "yes"')), 'jobs.nightly.docs "yes": expected true or false or static, got text')
  assert.equal(problem(job('priority: 11')), 'jobs.nightly.priority 11 is more than 10, the most allowed')
  assert.equal(problem(job('overlap: wait')), 'jobs.nightly.overlap "wait" is not allowed; allowed: queue, skip, allow, cancel')
  assert.equal(
    problem(job('overlap: queu')),
    'jobs.nightly.overlap "queu" is not allowed; did you mean "queue"? (queue, skip, allow, cancel)',
  )
  assert.equal(
    problem(job('schedule: daily')),
    'jobs.nightly.schedule "daily": expected a map (key: value) or a list ([a, b]), got text',
  )
  assert.match(problem(job('schedule: "0 2 * * *"')), /got text; write \{ cron: "0 2 \* \* \*", timezone: UTC \}$/)
  assert.match(problem(job('schedule: 1h')), /got text; write \{ every: 1h \}$/)
  assert.equal(
    problem(yaml({ project: '  folder: 5' })),
    'project.folder 5: expected text, got a number; put quotes around it: "5"',
  )
  assert.equal(problem(yaml().replace('version: 1', 'version: 2')), 'version 2 is not allowed; allowed: 1')
})

test('an unquoted # is a comment, and is recognised', () => {
  const jobs = '  a:\n    environment: prod\n    steps: [dbt build]\n    notify:\n      slack: #data-alerts\n'
  assert.equal(
    problem(yaml({ jobs, more: 'notifications: { slack: { secret: hook } }' })),
    'jobs.a.notify.slack is empty, because # begins a comment in YAML; put quotes around it: "#data-alerts"',
  )
})

test('names: of jobs with spaces, too long, and what would meet in AWS', () => {
  assert.equal(
    problem(yaml({ jobs: '  my job: { environment: prod, steps: [dbt build] }' })),
    'jobs.my job "my job" cannot name a job: letters, digits, - and _ only, the first a letter or digit; for example my_job',
  )
  assert.match(
    problem(yaml({ jobs: `  ${'x'.repeat(65)}: { environment: prod, steps: [dbt build] }` })),
    /is longer than 64 characters/,
  )
  assert.match(problem(yaml({ more: 'installation: My_Data' })), /^installation "My_Data" cannot name an installation/)
  const two = `environments:\n  b-c: { branch: main, dbt: { engine: core-1.11, adapters: [duckdb] } }\n`
  const file = (name: string, environments: string, include = '') =>
    `version: 1\n${include}project: { name: ${name}, repository: "https://example.com/r.git" }\n${environments}jobs: {}\n`
  const found = problems(file('a', two, 'include: [b.yml]\n'), { 'b.yml': file('a-b', two.replace('b-c', 'c')) })
  assert.deepEqual(found, ['4:3 environments.c a-b/c and a/b-c would share the task definition tidemill_a-b-c; rename one'])
})

test('what stands under a name that is refused is checked as well', () => {
  assert.equal(problems(yaml({ jobs: '  my job: { environment: prod, stepz: [dbt build] }' })).length, 2)
})

test('references: environments and jobs that do not exist, circles', () => {
  assert.match(
    problem(yaml({ jobs: '  a: { environment: dev, steps: [dbt build] }' })),
    /^jobs\.a\.environment "dev" is not an environment/,
  )
  const pair = (first: string, second: string) =>
    yaml({
      jobs: `  nightly: { environment: prod, steps: [dbt build]${first} }\n  export: { environment: prod, steps: [dbt build]${second} }`,
    })
  assert.equal(
    problem(pair('', ', after: { job: nightlyy }')),
    'jobs.export.after.job "nightlyy" is not a job of this project; did you mean "nightly"? (nightly, export)',
  )
  assert.equal(
    problem(pair(', after: { job: export }', ', after: { job: nightly }')),
    'jobs.nightly.after.job runs in a circle, so none would ever start: shop/nightly after shop/export after shop/nightly',
  )
  assert.match(problem(job('after: { job: nightly }')), /shop\/nightly after shop\/nightly/)
})

test('schedules: never, both kinds, neither, odd intervals, unknown zones', () => {
  const schedule = (text: string) => problem(job(`schedule: { ${text} }`))
  assert.equal(schedule('cron: "0 0 31 2 *"'), 'jobs.nightly.schedule.cron "0 0 31 2 *" never fires: there is no day 31 in FEB')
  assert.match(schedule('cron: "0 2 * *"'), /needs five fields .* got 4/)
  assert.match(schedule('cron: "H 2 * * *"'), /H \(a random minute\) is unknown to EventBridge; use `every`/)
  assert.match(schedule('cron: "0 2 * * *", every: 1h'), /has both `cron` and `every`; keep one/)
  assert.match(schedule('timezone: UTC'), /needs `cron` or `every`/)
  assert.equal(
    schedule('every: 7m'),
    'jobs.nightly.schedule.every "7m" does not divide an hour or a day evenly; allowed: 1m, 2m, 3m, 4m, 5m, 6m, 10m, 12m, 15m, 20m, 30m, 1h, 2h, 3h, 4h, 6h, 8h, 12h, 1d',
  )
  assert.match(schedule('every: 1h, timezone: Berlin'), /"Berlin" is not a time zone; did you mean "Europe\/Berlin"\?/)
  assert.match(schedule('every: 1h, timezone: +02:00'), /is not a time zone/)
  assert.match(
    problem(job('schedule: [{ every: 1h, name: x }, { every: 2h, name: x }]')),
    /^jobs\.nightly\.schedule\[1\]\.name "x" names two schedules/,
  )
})

test('durations, sizes, addresses', () => {
  assert.equal(
    problem(job('timeout: 10')),
    'jobs.nightly.timeout "10" is not a duration; write a number with its unit, e.g. 90s, 30m, 2h, 1d, 1h30m',
  )
  assert.match(problem(job('timeout: 8d')), /"8d" is longer than 7d/)
  assert.match(problem(job('start_within: 5s')), /"5s" is shorter than 1m/)
  const size = (text: string) => problem(yaml({ environment: `    size: { ${text} }` }))
  assert.equal(
    size('cpu: 1, memory: 16 GB'),
    'environments.prod.size.memory 16 GB does not exist with 1 vCPU; Fargate has 2 GB, 3 GB, 4 GB, 5 GB, 6 GB, 7 GB, 8 GB',
  )
  assert.match(size('cpu: 0.25, memory: 4 GB'), /Fargate has 512 MB, 1 GB, 2 GB/)
  assert.match(size('cpu: 3'), /3 is not allowed; allowed: 0.25, 0.5, 1, 2, 4, 8, 16/)
  assert.match(size('memory: 4'), /is not a size of memory; write a number with its unit/)
  assert.match(size('disk: 300 GB'), /20 GB \(included in the price\) to 200 GB/)
  assert.match(
    problem(yaml({ more: 'notifications: { email: [data@] }' })),
    /notifications\.email\[0\] "data@" is not an e-mail address/,
  )
  assert.match(
    problem(yaml({ more: 'retention: { logs: 100d }\nnotifications: { email: [a@example.com] }' })),
    /the next it knows is 120d/,
  )
})

test('dbt: engines, adapters, images', () => {
  const dbt = (text: string) => problem(yaml().replace('{ engine: core-1.11, adapters: [duckdb] }', text))
  assert.match(dbt('{ engine: core-1.10, adapters: [duckdb] }'), /"core-1.10" is not allowed; did you mean "core-1.11"\?/)
  assert.match(
    dbt('{ engine: core-1.11, adapters: [dbt-snowflake] }'),
    /"dbt-snowflake" is not an adapter .* did you mean "snowflake"\?/,
  )
  assert.match(dbt('{ engine: core-1.11 }'), /needs `adapters`/)
  assert.match(dbt('{ adapters: [duckdb] }'), /needs `engine` and `adapters`/)
  assert.match(dbt('{ image: "a.example.com/dbt:1", engine: core-1.11 }'), /stands beside `image`/)
})

test('steps are dbt commands without a shell', () => {
  const step = (line: string) => problem(yaml({ jobs: `  a: { environment: prod, steps: [${JSON.stringify(line)}] }` }))
  assert.equal(
    step('dbt build && dbt test'),
    'jobs.a.steps[0] "dbt build && dbt test": "&&" joins commands; write one step for each. If it belongs to a value, put quotes around the value',
  )
  assert.match(step('dbt docs serve'), /makes no sense in a job: it never ends/)
  assert.match(step('python run.py'), /begins with "python"; a step is a dbt command/)
  assert.match(step('dbt debug'), /dbt debug alone builds and tests nothing/)
  assert.match(step('dbt build --profiles-dir .'), /--profiles-dir is not for a step: name the file in profile/)
})

test('notify names a channel that is not set up', () => {
  assert.equal(
    problem(job('notify: { slack: "#a" }')),
    'jobs.nightly.notify.slack slack is not set up; add to the end of the file: notifications: { slack: { secret: slack-webhook } }',
  )
})

test('one publisher for each environment, and no docs that are not made', () => {
  const two = (options: string) =>
    problem(
      yaml({
        jobs: `  a: { environment: prod, steps: [dbt build], publishes: [state] }\n  b: { environment: prod, steps: [dbt build], ${options} }`,
      }),
    )
  assert.equal(
    two('publishes: [state]'),
    'jobs.b.publishes state of prod is published by a already; one job of an environment publishes it',
  )
  assert.match(two('publishes: [docs]'), /publishes docs that the job does not make; add docs: true/)
})

test('whatever is broken in a file, there is a list of problems in words', () => {
  const random = generator(44)
  const characters = ' :#{}[]"\'*&!|>-\n\t0aZ/@%,?\u0000'
  let refused = 0
  for (let trial = 0; trial < 150; trial++) {
    const at = random(EXAMPLE.length)
    const lines = EXAMPLE.split('\n')
    const line = random(lines.length)
    const text = [
      () => EXAMPLE.slice(0, at) + characters[random(characters.length)] + EXAMPLE.slice(at),
      () => EXAMPLE.slice(0, at) + EXAMPLE.slice(at + 1 + random(8)),
      () => lines.toSpliced(line, 1).join('\n'),
      () => lines.toSpliced(line, 1, lines[random(lines.length)] ?? '').join('\n'),
    ][random(4)]?.()
    const result = load(text ?? '')
    if (result.ok) continue
    refused++
    for (const each of result.problems) {
      assert.ok(each.line > 0 && each.column > 0 && each.message, text)
      assert.doesNotMatch(each.message, /undefined|\[object|Invalid input|NaN/, text)
    }
  }
  assert.ok(refused > 80, String(refused))
})
