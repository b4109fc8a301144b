/** What can be done: buttons for those who may, commands for all. */
import { useRef, useState } from 'preact/hooks'
import type { ApiResponse } from '../../shared/api.ts'
import type { Deed } from '../../shared/page-api.ts'
import { mayAct } from '../../shared/page-roles.ts'
import { useApp } from '../app-context.ts'
import { faultOf } from '../fault.ts'
import { HREF } from '../route.ts'
import { act } from '../server.ts'
import { Copy, Mark, Text } from '../words.tsx'

export function Deeds({ deeds, reload }: { deeds: Deed[]; reload(): void }) {
  const { me } = useApp()
  const [asked, setAsked] = useState<Deed>()
  const allowed = deeds.filter(({ request }) => request && mayAct(me.role, request.operation))
  return (
    <div class="deeds">
      {allowed.map(deed => (
        <button type="button" key={deed.name} class={deed.main ? 'main' : ''} onClick={() => setAsked(deed)}>
          {deed.name}
        </button>
      ))}
      <details>
        <summary>Commands</summary>
        <dl class="commands">
          {deeds.map(deed => (
            <div key={deed.name}>
              <dt>{deed.does}</dt>
              <dd>
                <Copy text={deed.command} />
              </dd>
            </div>
          ))}
        </dl>
      </details>
      {asked && <Confirm key={asked.name} deed={asked} close={() => setAsked(undefined)} reload={reload} />}
    </div>
  )
}

function Confirm({ deed, close, reload }: { deed: Deed; close(): void; reload(): void }) {
  // The same when the button is pressed twice in one dialog.
  const key = useRef(crypto.randomUUID())
  const [state, setState] = useState<{ busy: boolean; answer?: ApiResponse }>({ busy: false })
  const { answer } = state
  const send = async () => {
    if (!deed.request) return
    setState({ busy: true })
    try {
      setState({
        busy: false,
        answer: await act('idempotencyKey' in deed.request ? { ...deed.request, idempotencyKey: key.current } : deed.request),
      })
      reload()
    } catch (error) {
      const { message, hint } = faultOf(error)
      setState({ busy: false, answer: { ok: false, status: 500, message, ...(hint && { hint }) } })
    }
  }
  return (
    <dialog ref={element => void (element && !element.open && element.showModal())} onClose={close} aria-labelledby="deed">
      <h2 id="deed">{deed.name}</h2>
      {answer ? (
        <div role="status">
          <p>
            <Mark status={answer.ok ? 'success' : 'error'} /> <Text of={answer.message} max={500} />
          </p>
          {!answer.ok && answer.hint && (
            <p>
              <Text of={answer.hint} max={500} />
            </p>
          )}
          {answer.run && (
            <p>
              <a href={HREF.run(answer.run.id)} onClick={close}>
                Run {answer.run.id}
              </a>
            </p>
          )}
        </div>
      ) : (
        <>
          <p>{deed.does}</p>
          <p class="dim">
            The same: <code>{deed.command}</code>
          </p>
        </>
      )}
      <form method="dialog" class="choices">
        <button type="submit">{answer?.ok ? 'Close' : 'Leave it'}</button>
        {!answer?.ok && (
          <button type="button" class="main" disabled={state.busy} onClick={() => void send()}>
            {state.busy ? 'Asking …' : deed.name}
          </button>
        )}
      </form>
    </dialog>
  )
}
