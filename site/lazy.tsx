/** Pages that are loaded when somebody goes there. */
import type { ComponentType } from 'preact'
import { useLoad } from './use.ts'
import { FaultNote, Loading } from './words.tsx'

/** `name`: of the page, unique. */
export function lazy<P extends object>(name: string, load: () => Promise<ComponentType<P>>): ComponentType<P> {
  // A component is a function: within an object the state does not take it for a change of itself.
  let loaded: { Page: ComponentType<P> } | undefined
  return function Lazy(props: P) {
    const page = useLoad(async () => {
      loaded ??= { Page: await load() }
      return loaded
    }, [name])
    const shown = loaded ?? page.value
    if (shown) return <shown.Page {...props} />
    if (page.fault) return <FaultNote fault={GONE} retry={() => location.reload()} />
    return <Loading what="the page" />
  }
}

const GONE = {
  status: 0,
  message: 'This part of the pages could not be loaded.',
  hint: 'The server does not answer, or it has newer pages than this one: load the page again.',
}
