/** From files to sections: reads the first file and what it includes, and checks each against the schema. */
import type * as z from 'zod/mini'
import { type KeyPath, type Problem, parseYaml, type YamlFile } from './config-file.ts'
import { problemsOf, valueAt } from './config-issues.ts'
import { type ConfigSpec, configSpec, INSTALLATION_KEYS } from './config-schema.ts'
import { type EnvironmentSpec, environmentSpec, type ProjectSpec, projectSpec } from './config-schema-environment.ts'
import { type JobSpec, jobSpec } from './config-schema-job.ts'

/** Text of a file, or undefined when there is none. Paths are those of the first file, joined with what it names. */
export type ReadFile = (path: string) => string | undefined

/** One file with its project. What the schema refused is undefined here, so that the rest is still checked. */
export interface Section {
  file: YamlFile
  /** The whole file, if nothing in it was refused. */
  spec: ConfigSpec | undefined
  project: ProjectSpec | undefined
  environments: Map<string, EnvironmentSpec | undefined>
  jobs: Map<string, JobSpec | undefined>
}

export function readSections(path: string, text: string, read: ReadFile): { sections: Section[]; problems: Problem[] } {
  const problems: Problem[] = []
  const sections: Section[] = []
  const seen = new Set<string>()
  visit(normalise(path), text)
  return { sections, problems }

  function visit(here: string, content: string): void {
    seen.add(here)
    const { file, problems: refused, usable } = parseYaml(here === normalise(path) ? path : here, content)
    problems.push(...refused)
    if (!usable) return
    if (typeof file.data !== 'object' || file.data === null || Array.isArray(file.data)) {
      problems.push(
        file.problem(
          [],
          file.data === null
            ? 'the file is empty; `tidemill init` writes one to start from'
            : 'the file is not a map of options (key: value)',
        ),
      )
      return
    }
    const first = sections.length === 0
    const section = readSection(file)
    sections.push(section.section)
    problems.push(...section.problems)
    if (!first)
      for (const key of INSTALLATION_KEYS)
        if (valueAt(file.data, [key]) !== undefined)
          problems.push(file.problem([key], `belongs to the whole installation; it stands only in ${path}`, 'key'))
    const include = valueAt(file.data, ['include'])
    for (const [index, name] of (Array.isArray(include) ? include : []).entries())
      if (typeof name === 'string') open(file, here, index, name)
  }

  function open(from: YamlFile, here: string, index: number, name: string): void {
    const target = joinPath(folderOf(here), name)
    const refuse = (message: string) => problems.push(from.problem(['include', index], `"${name}" ${message}`))
    if (seen.has(target)) return void refuse('is included already; each file once, and none that includes itself')
    const content = read(target)
    if (content === undefined) return void refuse(`does not exist (looked for ${target})`)
    visit(target, content)
  }
}

function readSection(file: YamlFile): { section: Section; problems: Problem[] } {
  const whole = configSpec.safeParse(file.data)
  if (whole.success) {
    const { project, environments, jobs } = whole.data
    const section = {
      file,
      spec: whole.data,
      project,
      environments: new Map(Object.entries(environments)),
      jobs: new Map(Object.entries(jobs)),
    }
    return { section, problems: [] }
  }
  const project = projectSpec.safeParse(valueAt(file.data, ['project']))
  const parts = <T>(key: string, parse: (value: unknown) => { success: boolean; data?: T }) => {
    const values = valueAt(file.data, [key])
    return new Map(isMap(values) ? Object.entries(values).map(([name, value]) => [name, parse(value).data]) : [])
  }
  const section = {
    file,
    spec: undefined,
    project: project.data,
    environments: parts('environments', value => environmentSpec.safeParse(value)),
    jobs: parts('jobs', value => jobSpec.safeParse(value)),
  }
  return {
    section,
    problems: [...problemsOf(whole.error.issues, configSpec, file, []), ...behindBadNames(whole.error.issues, file)],
  }
}

/** The schema does not look at what stands under a name that it refuses; the user wants to know all the same. */
function behindBadNames(issues: readonly z.core.$ZodIssue[], file: YamlFile): Problem[] {
  return issues.flatMap(issue => {
    const [top, ...rest] = issue.path
    if (issue.code !== 'invalid_key' || rest.length !== 1) return []
    const schema = top === 'jobs' ? jobSpec : environmentSpec
    const path = issue.path as KeyPath
    return problemsOf(schema.safeParse(valueAt(file.data, path)).error?.issues ?? [], schema, file, path)
  })
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const folderOf = (path: string): string => (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '.')

/** `name` seen from `folder`, without `.` and needless `..`. */
export const joinPath = (folder: string, name: string): string => normalise(name.startsWith('/') ? name : `${folder}/${name}`)

function normalise(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..' && parts.length && parts.at(-1) !== '..') parts.pop()
    else if (part && part !== '.') parts.push(part)
  }
  return (path.startsWith('/') ? '/' : '') + (parts.join('/') || (path.startsWith('/') ? '' : '.'))
}
