/** All pages but the list of runs: one part of the application, which is loaded when somebody goes to one of them. */
import type { ComponentChildren } from 'preact'
// All of the first part stands below this one: otherwise what both need would be a third, and three compress worse.
import './main.tsx'
import { CostPage } from './pages/cost.tsx'
import { DocsPage } from './pages/docs.tsx'
import { JobPage } from './pages/job.tsx'
import { JobsPage } from './pages/jobs.tsx'
import { NodePage } from './pages/node.tsx'
import { SchedulePage } from './pages/schedule.tsx'
import { SourcesPage } from './pages/sources.tsx'
import type { Route } from './route.ts'
import { RunPage } from './run/page.tsx'

/** By the first segment of the address. */
const VIEWS: Record<string, (route: Route) => ComponentChildren> = {
  runs: ({ path: [, id = ''], query }) => <RunPage key={id} id={id} query={query} />,
  jobs: ({ path: [, project, job] }) => (project && job ? <JobPage project={project} name={job} /> : <JobsPage />),
  nodes: ({ path: [, project = '', environment = '', uniqueId = ''], query }) => (
    <NodePage project={project} environment={environment} uniqueId={uniqueId} query={query} />
  ),
  sources: () => <SourcesPage />,
  schedule: ({ query }) => <SchedulePage query={query} />,
  cost: ({ query }) => <CostPage query={query} />,
  docs: () => <DocsPage />,
}

export const View = ({ route }: { route: Route }) => <>{VIEWS[route.path[0] ?? '']?.(route)}</>
