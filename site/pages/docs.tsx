/** dbt's docs of each environment: the current ones, and those of earlier runs. They are another site, on another origin. */
import { fullName, KEY } from '../../shared/contract.ts'
import type { IndexRun } from '../../shared/history-index.ts'
import type { Pointer } from '../../shared/pointer.ts'
import { useApp, useIndex } from '../app-context.ts'
import { faultOf } from '../fault.ts'
import { docsAddress, HREF } from '../route.ts'
import { loadJobRuns } from '../run/load.ts'
import { readData } from '../server.ts'
import { useLoad, useNow } from '../use.ts'
import { Empty, FaultNote, Link, Loading, Text, Time } from '../words.tsx'

const EARLIER = 20

export function DocsPage() {
  const { config } = useApp()
  const environments = Object.values(config?.environments ?? {})
  return (
    <>
      <h1>Docs</h1>
      {!config && <Loading what="the configuration" />}
      {config && environments.length === 0 && <Empty title="The configuration has no environments." />}
      {environments.map(({ project, name }) => (
        <EnvironmentDocs key={fullName(project, name)} project={project} environment={name} />
      ))}
    </>
  )
}

function EnvironmentDocs({ project, environment }: { project: string; environment: string }) {
  const now = useNow(60_000)
  const { me, config } = useApp()
  const index = useIndex().value?.index
  const publisher = Object.values(config?.jobs ?? {}).find(
    job => job.project === project && job.environment === environment && job.publishes.includes('docs'),
  )
  const job = publisher && fullName(publisher.project, publisher.name)
  const loaded = useLoad(async () => {
    const pointer = await readData<Pointer>(KEY.docsPointer(project, environment)).catch(error => {
      if (faultOf(error).status === 404) return undefined
      throw error
    })
    const runs = job ? await loadJobRuns(index, job) : []
    return { pointer, runs: runs.filter(run => run.docs || run.noDocs).slice(0, EARLIER) }
  }, ['docs', project, environment, job, index?.at])
  const site = (run: string) => docsAddress(me.docs, project, environment, run)
  const { pointer, runs = [] } = loaded.value ?? {}
  return (
    <section>
      <h2>
        <Text of={fullName(project, environment)} max={120} />
      </h2>
      {loaded.fault && <FaultNote fault={loaded.fault} retry={loaded.reload} />}
      {loaded.loading && !loaded.value && !loaded.fault && <Loading what="the docs" />}
      {loaded.value && !pointer && (
        <Empty title="There are no docs yet.">
          <p>
            They come with the first good run of a job that has <code>docs: true</code>.
          </p>
        </Empty>
      )}
      {pointer && (
        <p>
          <Link href={site('current')}>Current docs</Link>{' '}
          <span class="dim">
            of commit <Text of={pointer.commit?.slice(0, 7) ?? 'unknown'} />, run{' '}
          </span>
          <a href={HREF.run(pointer.run)}>
            <Text of={pointer.run} max={40} />
          </a>
        </p>
      )}
      {runs.length > 0 && (
        <details open={!pointer}>
          <summary>Of each run</summary>
          <ul class="plain">
            {runs.map(run => (
              <li key={run.id}>
                <DocsOfRun run={run} href={site(run.id)} now={now} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  )
}

/** `noDocs` of a run that has docs all the same: they are of an attempt before its last. */
function DocsOfRun({ run, href, now }: { run: IndexRun; href: string; now: Date }) {
  const when = <Time at={run.startedAt ?? run.endedAt} now={now} />
  return (
    <>
      {run.docs ? <Link href={href}>Docs of {when}</Link> : <span>No docs of {when}</span>}{' '}
      <span class="dim">
        commit <Text of={run.commit?.slice(0, 7) ?? 'unknown'} />
      </span>{' '}
      <a href={HREF.run(run.id)}>run</a>
      {run.noDocs && (
        <div class="dim">
          {run.docs && 'Of an earlier attempt; the last one left none. '}
          <Text of={run.noDocs} max={200} />
        </div>
      )}
    </>
  )
}
