/** What can be wrong between parts: names that do not exist, circles, two publishers, names that meet in AWS. */
import { upstreamsOf } from './config-after.ts'
import { valueAt } from './config-issues.ts'
import type { Config, JobConfig } from './config-model.ts'
import type { Section } from './config-read.ts'
import type { Findings } from './config-resolve.ts'
import { taskFamily } from './resource-names.ts'
import { meant } from './suggest.ts'

/** A section with the name of its project, as far as it is known. */
export interface NamedSection extends Section {
  name: string
}

/** References are checked on what was written, so that one wrong option does not hide another. */
export function checkReferences(sections: readonly NamedSection[], findings: Findings): void {
  const all = new Set(sections.flatMap(section => [...section.jobs.keys()].map(job => `${section.name}/${job}`)))
  for (const { file, environments, jobs } of sections)
    for (const job of jobs.keys()) {
      const environment = valueAt(file.data, ['jobs', job, 'environment'])
      if (typeof environment === 'string' && !environments.has(environment))
        findings.problems.push(
          file.problem(
            ['jobs', job, 'environment'],
            `"${environment}" is not an environment${meant(environment, environments.keys())}`,
          ),
        )
      for (const path of [['jobs', job, 'after', 'job'], ...listPaths(file.data, ['jobs', job, 'after', 'jobs'])]) {
        const after = valueAt(file.data, path)
        if (typeof after !== 'string' || all.has(after) || jobs.has(after)) continue
        const elsewhere = [...all].find(each => each.endsWith(`/${after}`))
        const hint = elsewhere ? `; of another project: ${elsewhere}` : meant(after, after.includes('/') ? all : jobs.keys())
        findings.problems.push(
          file.problem(path, `"${after}" is not a job${after.includes('/') ? '' : ' of this project'}${hint}`),
        )
      }
    }
}

function listPaths(data: unknown, path: (string | number)[]): (string | number)[][] {
  const list = valueAt(data, path)
  return Array.isArray(list) ? list.map((_, index) => [...path, index]) : []
}

/** Each circle once: a walk along `after` that comes back to a job it has passed. */
export function checkCircles(sections: readonly NamedSection[], jobs: Record<string, JobConfig>, findings: Findings): void {
  const done = new Set<string>()
  const visit = (name: string, walk: string[]): void => {
    const job = jobs[name]
    if (walk.includes(name)) report([...walk.slice(walk.indexOf(name)), name])
    else if (job && !done.has(name)) {
      for (const upstream of upstreamsOf(job)?.jobs ?? []) visit(upstream, [...walk, name])
      done.add(name)
    }
  }
  const report = (circle: string[]): void => {
    const first = jobs[circle[0] ?? '']
    const section = sections.find(each => each.name === first?.project)
    if (!first || !section) return
    const at = [
      'jobs',
      first.name,
      'after',
      ...(first.afterAll ? ['jobs', first.afterAll.jobs.indexOf(circle[1] ?? '')] : ['job']),
    ]
    findings.problems.push(section.file.problem(at, `runs in a circle, so none would ever start: ${circle.join(' after ')}`))
  }
  for (const name of Object.keys(jobs)) visit(name, [])
}

/** Settles who publishes: at most one job of an environment for state and one for docs. */
export function settlePublishers(sections: readonly NamedSection[], jobs: Record<string, JobConfig>, findings: Findings): void {
  for (const { file, name, environments, jobs: specs } of sections)
    for (const environment of environments.keys()) {
      const own = Object.values(jobs).filter(job => job.project === name && job.environment === environment)
      const explicit = own.filter(job => specs.get(job.name)?.publishes !== undefined)
      for (const job of explicit) job.publishes = [...new Set(specs.get(job.name)?.publishes ?? [])]
      for (const kind of ['state', 'docs'] as const) {
        const [first, ...more] = explicit.filter(job => job.publishes.includes(kind))
        for (const job of more)
          findings.problems.push(
            file.problem(
              ['jobs', job.name, 'publishes'],
              `${kind} of ${environment} is published by ${first?.name} already; one job of an environment publishes it`,
            ),
          )
      }
      for (const job of explicit.filter(each => each.publishes.includes('docs') && !each.docs))
        findings.problems.push(
          file.problem(['jobs', job.name, 'publishes'], 'publishes docs that the job does not make; add docs: true'),
        )
      const makers = own.filter(job => job.docs)
      const [maker, other] = makers
      if (explicit.length || !maker) continue
      if (!other) maker.publishes = ['state', 'docs']
      else
        findings.warnings.push(
          file.problem(
            ['jobs', other.name, 'docs'],
            `${makers.length} jobs of ${environment} make docs, so nobody knows whose are current; add publishes: [state, docs] to one (${makers.map(job => job.name).join(', ')})`,
          ),
        )
    }
}

/** Different names that become one in AWS, and projects that share a name. */
export function checkMeetings(sections: readonly NamedSection[], config: Config, findings: Findings): void {
  const projects = new Map<string, string>()
  for (const { file, name, project } of sections) {
    const other = projects.get(name)
    if (project && other)
      findings.problems.push(
        file.problem(
          ['project', 'name'],
          `"${name}" is the project of ${other} as well; projects of an installation have different names`,
        ),
      )
    projects.set(name, file.path)
  }
  const families = new Map<string, string>()
  for (const { file, name, environments } of sections)
    for (const environment of environments.keys()) {
      const here = `${name}/${environment}`
      const second = config.environments[here]?.size.fallbackArchitecture
      for (const architecture of [undefined, ...(second ? [second] : [])]) {
        const family = taskFamily(config.installation, name, environment, architecture)
        const other = families.get(family)
        if (other && other !== here)
          findings.problems.push(
            file.problem(
              ['environments', environment],
              `${here} and ${other} would share the task definition ${family}; rename one`,
              'key',
            ),
          )
        families.set(family, here)
      }
    }
}
