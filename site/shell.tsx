/** Frame of all pages: who looks, where to go, and the page of the address. */
import { Component, type ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Config } from '../shared/config-model.ts'
import { SIGNED_OUT } from '../shared/page-api.ts'
import { AppContext } from './app-context.ts'
import { Later } from './later.tsx'
import { hrefOf, type Route } from './route.ts'
import { RunsPage } from './runs/page.tsx'
import { readData, readMe } from './server.ts'
import { Refused, SignedOut, SignOut } from './sign-out.tsx'
import { useLoad, useRoute } from './use.ts'
import { Empty, FaultNote, Loading, Text } from './words.tsx'

/** By the first segment of the address, as they stand in the navigation; the page of a node is reached from others. */
const TITLES = new Map([
  ['runs', 'Runs'],
  ['jobs', 'Jobs'],
  ['sources', 'Sources'],
  ['schedule', 'Schedule'],
  ['cost', 'Cost'],
  ['docs', 'Docs'],
])
const NODE = 'nodes'

export function Shell() {
  const route = useRoute()
  return `/${route.path[0]}` === SIGNED_OUT ? <SignedOut /> : <Signed route={route} />
}

function Signed({ route }: { route: Route }) {
  const me = useLoad(readMe, ['me'])
  const config = useLoad<Config | undefined>(
    async () => (me.value ? readData<Config>(me.value.config, { keep: true }) : undefined),
    ['config', me.value?.config],
  )
  const main = useMoved(route)
  const [name = 'runs'] = route.path
  if (!me.value)
    return me.fault ? (
      <Refused fault={me.fault} retry={me.reload} />
    ) : (
      <main class="alone">
        <h1>Tidemill</h1>
        <Loading what="Tidemill" />
      </main>
    )
  return (
    <AppContext.Provider value={{ me: me.value, ...(config.value && { config: config.value }) }}>
      <header>
        <a class="skip" href={location.hash} onClick={event => skip(event, main.current)}>
          To the content
        </a>
        <nav aria-label="Pages">
          <span class="brand">Tidemill</span>
          {[...TITLES].map(([path, title]) => (
            <a key={path} href={hrefOf([path])} aria-current={path === name ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <p class="who">
          <Text of={me.value.installation} max={60} />
          <span class="dim">
            {' '}
            <Text of={me.value.actor.split(/[/:]/).at(-1)} max={40} />, {me.value.role}
          </span>
          {me.value.signOut && <SignOut path={me.value.signOut} />}
        </p>
      </header>
      <main ref={main} tabIndex={-1}>
        {config.fault && <FaultNote fault={config.fault} retry={config.reload} />}
        <Guard key={route.path.join('/')}>{pageOf(route)}</Guard>
      </main>
    </AppContext.Provider>
  )
}

function pageOf(route: Route): ComponentChildren {
  const [name = '', id] = route.path
  if (name === 'runs' && !id) return <RunsPage query={route.query} />
  if (TITLES.has(name) || name === NODE) return <Later route={route} />
  return (
    <>
      <h1>No such page</h1>
      <Empty title="This address leads nowhere.">
        <p>
          <a href={hrefOf(['runs'])}>All runs</a>
        </p>
      </Empty>
    </>
  )
}

function skip(event: Event, main: HTMLElement | null) {
  event.preventDefault()
  main?.focus()
}

/** Another page: title, top and the focus of a reader that follows it. A change of the filter is the same page. */
function useMoved({ path }: Route) {
  const main = useRef<HTMLElement>(null)
  const where = path.join('/')
  const first = useRef(true)
  useEffect(() => {
    const [name = '', ...rest] = path
    document.title = [rest.at(-1), name === NODE ? 'Node' : TITLES.get(name), 'Tidemill'].filter(Boolean).join(' · ')
    if (first.current) {
      first.current = false
      return
    }
    scrollTo(0, 0)
    main.current?.focus({ preventScroll: true })
  }, [where])
  return main
}

/** A fault of ours in one page leaves the others usable. */
class Guard extends Component<{ children: ComponentChildren }, { error?: unknown }> {
  static override getDerivedStateFromError = (error: unknown) => ({ error })
  override render() {
    const { error } = this.state
    if (error === undefined) return this.props.children
    return (
      <>
        <h1>This page cannot be shown</h1>
        <FaultNote
          fault={{
            status: 500,
            message: error instanceof Error ? error.message : String(error),
            hint: 'This is a fault of these pages. The command line shows the same.',
          }}
          retry={() => location.reload()}
        />
      </>
    )
  }
}
