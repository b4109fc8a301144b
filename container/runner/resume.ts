/**
 * What is left of a step that an earlier attempt began. `dbt retry` on what dbt left after a signal does nothing and says all is
 * well. So the nodes are listed anew, on the same commit with the same selection and state, those with a success are taken
 * away, and the command runs again for the rest, by a run_results.json made of it.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PlanStep, Resume } from '../../shared/plan.ts'
import type { NodeResult } from '../../shared/run.ts'
import { runChild } from './child.ts'
import { dbtArguments } from './dbt-command.ts'
import { parseEvent, recordOf, stringOf } from './dbt-events.ts'
import { type DbtContext, stepFolder } from './dbt-step.ts'
import { dbtEnvironment } from './environment.ts'
import { favorsState, kindsOf, leftResults, listWords, restWords } from './resume-words.ts'
import { bringSources } from './state.ts'

/**
 * `words`: of the dbt command that does the rest; `target`: where the nodes were listed, with the project's manifest;
 * `done`: results of what earlier attempts did.
 */
export type Rest =
  | { kind: 'whole' }
  | { kind: 'part'; words: string[]; left: string[]; done: NodeResult[] }
  | { kind: 'nothing'; target: string; version: string; done: NodeResult[] }

export interface RestContext extends DbtContext {
  resume?: Resume
  /** Target folder of the freshness step. */
  freshIn?: string | undefined
  now(): Date
}

export async function restOfStep(step: PlanStep, words: string[], projectDir: string, context: RestContext): Promise<Rest> {
  const { resume, plan, log } = context
  const partial = resume?.partial
  const kinds = kindsOf(words)
  if (!partial || partial.step !== step.index || !kinds) return { kind: 'whole' }
  if (favorsState(words, plan.variables)) {
    log.info(step.index, 'The step runs from its start: with --favor-state it would not see what was built before.')
    return { kind: 'whole' }
  }
  const folder = join(stepFolder(context, step), 'resume')
  const target = join(folder, 'target')
  await mkdir(target, { recursive: true })
  await bringSources(context.freshIn, target)
  const listed = await listNodes(step, words, projectDir, folder, context)
  if (!listed) {
    if (!context.stop.aborted) log.info(step.index, 'The nodes of this step could not be listed: it runs from its start.')
    return { kind: 'whole' }
  }
  const done = new Set(partial.done)
  const selected = listed.nodes.filter(node => kinds.includes(node.kind) && !node.ephemeral).map(node => node.id)
  const left = selected.filter(id => !done.has(id))
  const finished = selected.length - left.length
  log.info(
    step.index,
    `Resumed: ${finished} of ${selected.length} nodes were done by attempt ${resume.attempt}, ${left.length} are left.`,
  )
  context.parsedIn = target
  // Objects of the version before have none.
  const results = partial.results ?? []
  if (left.length === 0) return { kind: 'nothing', target, version: listed.version, done: results }
  const state = join(folder, 'state')
  await mkdir(state, { recursive: true })
  await writeFile(join(state, 'run_results.json'), JSON.stringify(leftResults(left, listed.version, context.now())))
  return { kind: 'part', words: restWords(words, state), left, done: results }
}

interface Listed {
  version: string
  nodes: { id: string; kind: string; ephemeral: boolean }[]
}

async function listNodes(
  step: PlanStep,
  words: string[],
  projectDir: string,
  folder: string,
  context: RestContext,
): Promise<Listed | undefined> {
  const { plan, folders, log } = context
  const target = join(folder, 'target')
  const paths = { project: projectDir, profiles: folders.profiles, target, log: join(folder, 'dbt-log') }
  const listed: Listed = { version: '', nodes: [] }
  const exit = await runChild(
    {
      file: 'dbt',
      args: dbtArguments(listWords(words, context.engine.everyKind), paths, plan.dbt.target, context.engine),
      cwd: folders.cwd,
      env: dbtEnvironment({
        all: context.all,
        home: folders.home,
        variables: plan.variables,
        secrets: context.secrets,
        passAwsCredentials: plan.passAwsCredentials,
        stamp: `${plan.run.id}/${plan.attempt}/${step.index}-list`,
        targetPath: target,
      }),
    },
    {
      line(text) {
        const { name, text: said, data, level } = parseEvent(text)
        if (name === 'MainReportVersion') listed.version = stringOf(data.version)?.replace(/^=/, '') ?? ''
        const node = said.startsWith('{') ? nodeOf(said) : undefined
        if (node) listed.nodes.push(node)
        else if (level === 'error') log.info(step.index, said)
        else log.debug(said)
      },
      stop: context.stop,
      graceMilliseconds: context.graceMilliseconds,
    },
  )
  return exit.code === 0 ? listed : undefined
}

function nodeOf(text: string): Listed['nodes'][number] | undefined {
  try {
    const node = recordOf(JSON.parse(text))
    const id = stringOf(node.unique_id)
    const kind = stringOf(node.resource_type)
    return id && kind ? { id, kind, ephemeral: recordOf(node.config).materialized === 'ephemeral' } : undefined
  } catch {
    return undefined
  }
}
