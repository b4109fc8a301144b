/** What can be wrong between parts: names that do not exist, circles, two publishers, names that meet in AWS. */

import { valueAt } from './config-issues.ts'
import type { Config, JobConfig } from './config-model.ts'
import type { Section } from './config-read.ts'
import type { Findings } from './config-resolve.ts'
import { taskFamily } from './contract.ts'
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
      const after = valueAt(file.data, ['jobs', job, 'after', 'job'])
      if (typeof after !== 'string' || all.has(after) || jobs.has(after)) continue
      const elsewhere = [...all].find(each => each.endsWith(`/${after}`))
      const hint = elsewhere ? `; of another project: ${elsewhere}` : meant(after, after.includes('/') ? all : jobs.keys())
      findings.problems.push(
        file.problem(
          ['jobs', job, 'after', 'job'],
          `"${after}" is not a job${after.includes('/') ? '' : ' of this project'}${hint}`,
        ),
      )
    }
}

/** A job runs after one other at most, so every circle is found by walking on until a job comes twice. */
export function checkCircles(sections: readonly NamedSection[], jobs: Record<string, JobConfig>, findings: Findings): void {
  const done = new Set<string>()
  for (const start of Object.keys(jobs)) {
    const walk: string[] = []
    let here: string | undefined = start
    while (here && !done.has(here) && !walk.includes(here)) {
      walk.push(here)
      here = jobs[here]?.after?.job
    }
    for (const job of walk) done.add(job)
    if (!here || !walk.includes(here)) continue
    const circle = [...walk.slice(walk.indexOf(here)), here]
    const first = jobs[here]
    const section = sections.find(each => each.name === first?.project)
    if (first && section)
      findings.problems.push(
        section.file.problem(
          ['jobs', first.name, 'after', 'job'],
          `runs in a circle, so none would ever start: ${circle.join(' after ')}`,
        ),
      )
  }
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
      const family = taskFamily(config.installation, name, environment)
      const other = families.get(family)
      const here = `${name}/${environment}`
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
