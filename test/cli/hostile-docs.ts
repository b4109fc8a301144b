/** A docs page that tries everything a page can to read the docs of another project on its own origin. */

/** Runs in the browser; `victim`: path of the other docs. `window.attack` begins it, as windows open only by what a person does. */
function attack(victim: string): void {
  const within = <T>(promise: Promise<T>) =>
    Promise.race([promise, new Promise<never>((_, reject) => setTimeout(reject, 1500, new Error('nothing came')))])
  const load = (name: string, attributes: Record<string, string>) =>
    new Promise<HTMLElement>((resolve, reject) => {
      const element = Object.assign(document.createElement(name), attributes)
      element.onload = () => resolve(element)
      element.onerror = () => reject(new Error(`${name} refused`))
      document.body.append(element)
    })
  const read = async (path: string, options: RequestInit = {}) => {
    const answer = await fetch(path, options)
    if (!answer.ok) throw new Error(`status ${answer.status}`)
    return answer.text()
  }
  const blob = (script: string) => URL.createObjectURL(new Blob([script], { type: 'text/javascript' }))
  const sends = `fetch('${location.origin}${victim}manifest.json').then(a => a.text()).then(t => send(t), e => send(''))`
  const heard = (port: { onmessage: unknown }) =>
    new Promise((resolve, reject) => {
      port.onmessage = ({ data }: MessageEvent) => (data ? resolve(data) : reject(new Error('refused')))
    })
  const attempts: Record<string, () => Promise<unknown> | unknown> = {
    'a window': () => {
      const opened = open(victim)
      if (!opened) throw new Error('refused')
      return new Promise(done => setTimeout(() => done(opened.document.documentElement.outerHTML), 800))
    },
    'an empty window, to change this one from there': () => {
      if (!open('about:blank')) throw new Error('refused')
    },
    'a window by a link': () => {
      Object.assign(document.createElement('a'), { href: victim, target: 'other' }).click()
      throw new Error('whether one has opened, the browser knows')
    },
    fetch: () => read(`${victim}manifest.json`),
    'fetch of what is there now': () => read(victim.replace(/[^/]+\/\d+\/$/, 'current/manifest.json')),
    'fetch without cors, out of the cache': () => read(`${victim}manifest.json`, { mode: 'same-origin', cache: 'force-cache' }),
    'fetch by a way out of the own folder': () => read(`../../../..${victim}manifest.json`),
    'fetch by a way out that is written otherwise': () => read(`..%2f..%2f..%2f..${victim.replaceAll('/', '%2f')}manifest.json`),
    xhr: () =>
      new Promise((resolve, reject) => {
        const call = new XMLHttpRequest()
        call.open('GET', `${victim}manifest.json`)
        call.onload = () => resolve(call.responseText)
        call.onerror = () => reject(new Error('refused'))
        call.send()
      }),
    'a cache': async () => {
      const cache = await caches.open('own')
      await cache.add(`${victim}manifest.json`)
      return (await cache.match(`${victim}manifest.json`))?.text()
    },
    'a worker': () => {
      const worker = new Worker(blob(`const send = t => postMessage(t); ${sends}`))
      return heard(worker)
    },
    'a shared worker': () => {
      const { port } = new SharedWorker(blob(`onconnect = ({ ports: [p] }) => { const send = t => p.postMessage(t); ${sends} }`))
      return heard(port)
    },
    'a service worker over all': () => navigator.serviceWorker.register('worker.js', { scope: '/' }),
    'a service worker over the other': () => navigator.serviceWorker.register('worker.js', { scope: victim }),
    'a frame': async () => {
      const frame = (await load('iframe', { src: victim })) as HTMLIFrameElement
      const html = frame.contentDocument?.body.innerHTML
      if (!html) throw new Error('empty')
      return html
    },
    'an object': async () => {
      const html = ((await load('object', { data: victim, type: 'text/html' })) as HTMLObjectElement).contentDocument?.body
        .innerHTML
      if (!html) throw new Error('empty')
      return html
    },
    'its script': () => load('script', { src: `${victim}assets/app.js` }),
    'its module': () => import(`${location.origin}${victim}assets/app.js`),
    'its styles': () => load('link', { rel: 'stylesheet', href: `${victim}assets/app.css` }),
    'its picture': () => load('img', { src: `${victim}assets/logo.svg` }),
  }
  const run = async () => {
    const results: Record<string, string> = { own: await read('manifest.json') }
    for (const [name, attempt] of Object.entries(attempts))
      results[name] = await within(Promise.resolve().then(attempt)).then(
        got => `GOT ${String(got).slice(0, 200)}`,
        (error: Error) => `failed: ${error.message}`,
      )
    Object.assign(window, { results })
  }
  Object.assign(window, { attack: run })
}

export const hostileDocs = (victim: string) =>
  `<!doctype html><html><body><button onclick="attack()">go</button>
<script>const __name = f => f; (${attack.toString()})(${JSON.stringify(victim)})</script></body></html>`
