// The broker's HTTP door inside an Express application: the application has routes of its own, and
// `/events` is the broker's. The application's sign-in decides which channels a request may use.
//
// The program plays the page itself, and ends. With a port, as in
// `npx tsx examples/express.ts 3000`, it serves a page to browsers until it is stopped.

import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { EventSource } from 'eventsource'
import express from 'express'
import { openBroker } from 'respite'

/** A stand-in for the application's sessions: the cookie's value, and the user that it belongs to. */
const SESSIONS = new Map([['session=a1', 'ann']])
const PAGE = fileURLToPath(new URL('pages/express.html', import.meta.url))
const port = process.argv[2]

const broker = await openBroker({ config: { channel: 'orders.* keep 1h' } })
const app = express()

app.use(
  '/events',
  broker.http({
    authorize: ({ headers }) => {
      const user = SESSIONS.get(headers.cookie ?? '')
      return user === undefined ? undefined : { subscribe: [`orders.${user}`] }
    },
  }),
)
app.post('/orders', express.json(), async (request, response) => {
  const receivers = await broker.publish('orders.ann', JSON.stringify(request.body))
  response.status(201).json({ receivers })
})
// A stand-in for a sign-in: a visitor of the page is Ann.
app.get('/', (_request, response) => {
  response.cookie('session', 'a1', { httpOnly: true, sameSite: 'strict' }).sendFile(PAGE)
})

const server = app.listen(Number(port ?? 0), '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

/** Sends an order as a page's form does. */
async function order(item: string): Promise<void> {
  const headers = { 'Content-Type': 'application/json' }
  const answer = await fetch(`${site}/orders`, { method: 'POST', headers, body: JSON.stringify({ item }) })
  console.log(`shop: ordered ${item}, answered ${answer.status}`)
}

/** A page with Ann's session: it shows orders until there are `most`. */
function openPage(most: number): Promise<number> {
  const cookie = 'session=a1'
  const source = new EventSource(`${site}/events/v1/subscribe?channel=orders.ann&from=first`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, cookie } }),
  })
  let shown = 0
  return new Promise((resolve) => {
    source.onmessage = ({ data }) => {
      console.log(`page: ${data}`)
      shown++
      if (shown < most) return
      source.close()
      resolve(shown)
    }
  })
}

if (port !== undefined) console.log(`the shop is at ${site}`)
else {
  await order('apples')
  const page = openPage(2)
  await order('pears')
  const shown = await page

  const stranger = await fetch(`${site}/events/v1/subscribe?channel=orders.ann`)
  console.log(`a stranger: ${stranger.status}`)
  const other = await fetch(`${site}/events/v1/subscribe?channel=orders.bob`, { headers: { cookie: 'session=a1' } })
  console.log(`another's orders: ${other.status}`)

  const isRight = shown === 2 && stranger.status === 401 && other.status === 403
  console.log(isRight ? `done: ${shown} orders shown` : 'the door did not do what it should')
  server.close()
  server.closeAllConnections()
  await broker.close()
  process.exitCode = isRight ? 0 : 1
}
