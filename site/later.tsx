/** The second part of the application, loaded when somebody goes to one of its pages. */
import type { Route } from './route.ts'
import { useLoad } from './use.ts'
import { FaultNote, Loading } from './words.tsx'

let part: typeof import('./pages.tsx') | undefined

export function Later({ route }: { route: Route }) {
  const loaded = useLoad(async () => {
    part ??= await import('./pages.tsx')
    return part
  }, [])
  const shown = part ?? loaded.value
  if (shown) return <shown.View route={route} />
  if (loaded.fault) return <FaultNote fault={GONE} retry={() => location.reload()} />
  return <Loading what="the page" />
}

const GONE = {
  status: 0,
  message: 'This part of the pages could not be loaded.',
  hint: 'The server does not answer, or it has newer pages than this one: load the page again.',
}
