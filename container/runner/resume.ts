/**
 * What is left of a step that an earlier attempt began. dbt 1.x has no selector by unique_id, and `dbt retry` on what dbt
 * left after a signal does nothing and says all is well. So the nodes are listed anew, on the same commit with the same
 * selection, those with a success are taken away, and `dbt retry` gets a run_results.json made of the rest.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PlanStep, Resume } from '../../shared/plan.ts'
import { runChild } from './child.ts'
import { dbtArguments } from './dbt-command.ts'
import { parseEvent, recordOf, stringOf } from './dbt-events.ts'
import { type DbtContext, stepFolder } from './dbt-step.ts'
import { dbtEnvironment } from './environment.ts'
import { kindsOf, listWords, retryArguments, retryResults, retryWords } from './resume-words.ts'

/** `words`: of the dbt command that does the rest; without them nothing is left. */
export type Rest =
  | { kind: 'whole' }
  | { kind: 'part'; words: string[]; left: number; done: number }
  | { kind: 'nothing'; done: number }

export interface RestContext extends DbtContext {
  resume?: Resume
  now(): Date
}

export async function restOfStep(step: PlanStep, words: string[], projectDir: string, context: RestContext): Promise<Rest> {
  const { resume, plan, log } = context
  const partial = resume?.partial
  const kinds = kindsOf(words)
  // 2.x cannot retry from a file made by others.
  if (!partial || partial.step !== step.index || !kinds || !/^core-1\.|^image$/.test(plan.dbt.engine)) return { kind: 'whole' }
  const folder = join(stepFolder(context, step), 'resume')
  await mkdir(join(folder, 'target'), { recursive: true })
  const listed = await listNodes(step, words, projectDir, folder, context)
  if (!listed?.version.startsWith('1.')) {
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
  context.parsedIn = join(folder, 'target')
  if (left.length === 0) return { kind: 'nothing', done: finished }
  const results = retryResults(retryArguments(words, plan.dbt.target), left, listed.version, context.now())
  const state = join(folder, 'state')
  await mkdir(state, { recursive: true })
  await writeFile(join(state, 'run_results.json'), JSON.stringify(results))
  return { kind: 'part', words: retryWords(words, state), left: left.length, done: finished }
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
      args: dbtArguments(listWords(words), paths, plan.dbt.target),
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
