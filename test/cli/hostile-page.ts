/** A page that tries everything a page can to reach the one of `tidemill ui`. Each attempt answers what it got, or throws. */

/** Runs in the browser; `page`: the origin it is after. Sets `results` when all is tried. */
function attack(page: string): void {
  const action = JSON.stringify({ operation: 'notify' })
  const within = <T>(promise: Promise<T>) =>
    Promise.race([promise, new Promise<never>((_, reject) => setTimeout(reject, 1500, new Error('nothing came')))])
  const text = async (response: Response) => {
    if (response.type === 'opaque' || !response.ok) throw new Error(`opaque or ${response.status}`)
    return response.text()
  }
  /** The element reports that it has loaded something. */
  const load = (name: string, attributes: Record<string, string>) =>
    new Promise<string>((resolve, reject) => {
      const element = Object.assign(document.createElement(name), attributes)
      element.onload = () => resolve(`${name} loaded`)
      element.onerror = () => reject(new Error(`${name} refused`))
      document.body.append(element)
    })
  const attempts: Record<string, () => Promise<unknown> | unknown> = {
    fetch: async () => text(await fetch(`${page}/api/me`)),
    'fetch with credentials': async () => text(await fetch(`${page}/api/me`, { credentials: 'include', mode: 'cors' })),
    'fetch without cors': async () => text(await fetch(`${page}/data/history/v1/index/current.json`, { mode: 'no-cors' })),
    'fetch with a guessed token': async () => text(await fetch(`${page}/api/me`, { headers: { 'x-tidemill-token': 'guess' } })),
    'simple post': async () => text(await fetch(`${page}/api/actions`, { method: 'POST', mode: 'no-cors', body: action })),
    'post as json': async () =>
      text(await fetch(`${page}/api/actions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: action })),
    xhr: () =>
      new Promise((resolve, reject) => {
        const call = new XMLHttpRequest()
        call.open('GET', `${page}/api/open`)
        call.onload = () => resolve(call.responseText)
        call.onerror = () => reject(new Error('refused'))
        call.send()
      }),
    websocket: () =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`${page.replace('http', 'ws')}/api/me`)
        socket.onopen = resolve
        socket.onerror = () => reject(new Error('refused'))
      }),
    'event source': () =>
      new Promise((resolve, reject) => {
        const source = new EventSource(`${page}/api/me`)
        source.onopen = resolve
        source.onerror = () => reject(new Error('refused'))
      }),
    image: () => load('img', { src: `${page}/api/me` }),
    stylesheet: () => load('link', { rel: 'stylesheet', href: `${page}/api/me` }),
    'its script': async () => {
      const html = await text(await fetch(`${page}/`, { mode: 'no-cors' }))
      return load('script', { src: `${page}/${/src="([^"]+)"/.exec(html)?.[1]}` })
    },
    iframe: async () => {
      const frame = document.createElement('iframe')
      frame.src = `${page}/#/runs`
      const loaded = new Promise(resolve => {
        frame.onload = resolve
      })
      document.body.append(frame)
      await loaded
      const { contentWindow } = frame
      if (contentWindow?.location.href === 'about:blank') throw new Error('empty')
      return contentWindow?.document.body.innerHTML
    },
    'sandboxed iframe': () =>
      new Promise((resolve, reject) => {
        const frame = document.createElement('iframe')
        frame.setAttribute('sandbox', 'allow-scripts')
        const inner = `fetch('${page}/api/me').then(r => r.text()).then(t => parent.postMessage(t, '*'), () => parent.postMessage('', '*'))`
        frame.srcdoc = `<script>${inner}</script>`
        addEventListener('message', ({ data }) => (data ? resolve(data) : reject(new Error('refused'))))
        document.body.append(frame)
      }),
    'a window that it opens': async () => {
      const opened = open(`${page}/#/runs`)
      await new Promise(done => setTimeout(done, 800))
      if (!opened || opened.closed) throw new Error('cut off')
      return `${opened.sessionStorage.getItem('tidemill-token')} ${opened.document.body.innerHTML}`
    },
    'a message to a window that it opens': async () => {
      const opened = open(`${page}/#/runs`)
      await new Promise(done => setTimeout(done, 800))
      const answer = new Promise(resolve => addEventListener('message', ({ data }) => data && resolve(data)))
      opened?.postMessage('ask', '*')
      return answer
    },
    'the window that opened it': () => {
      if (!window.opener) throw new Error('none')
      return window.opener.location.href
    },
    'the channel of the tabs': () =>
      new Promise(resolve => {
        const channel = new BroadcastChannel('tidemill-token')
        channel.onmessage = ({ data }) => resolve(JSON.stringify(data))
        channel.postMessage('ask')
      }),
    storage: () => {
      const found = [...Object.values(sessionStorage), ...Object.values(localStorage), document.cookie].join('')
      if (found === '') throw new Error('empty')
      return found
    },
    'a form': () => {
      const form = Object.assign(document.createElement('form'), {
        method: 'post',
        action: `${page}/api/actions`,
        target: 'sink',
      })
      form.enctype = 'text/plain'
      const field = Object.assign(document.createElement('input'), { name: action.slice(0, -1), value: '"}' })
      form.append(field)
      document.body.append(form)
      form.submit()
      throw new Error('whether it acted, the server knows')
    },
    beacon: () => {
      navigator.sendBeacon(`${page}/api/actions`, action)
      throw new Error('whether it acted, the server knows')
    },
    'so many cookies that the server refuses its own page': async () => {
      // biome-ignore lint/suspicious/noDocumentCookie: a page of the past
      for (let i = 0; i < 40; i++) document.cookie = `c${i}=${'x'.repeat(4000)}; path=/`
      throw new Error('whether it still answers, the page knows')
    },
  }
  const run = async () => {
    const results: Record<string, string> = {}
    for (const [name, attempt] of Object.entries(attempts))
      results[name] = await within(Promise.resolve().then(attempt)).then(
        got => `GOT ${String(got).slice(0, 200)}`,
        (error: Error) => `failed: ${error.message}`,
      )
    Object.assign(window, { results })
  }
  void run()
}

export const hostilePage = (page: string) =>
  `<!doctype html><html><body><script>const __name = f => f; (${attack.toString()})(${JSON.stringify(page)})</script></body></html>`
