// A board in a page that shows the events of keys and of a BullMQ queue as they happen: one
// EventSource hears both from the broker's HTTP door. The events are kept, so a board that is
// opened late shows them too.
//
// The program loads the page and runs its script without a browser, and ends. With a port, as in
// `npx tsx examples/live-board.ts 3000`, it serves the page to browsers until it is stopped.

import { readFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { runInNewContext } from 'node:vm'
import { Queue, QueueEvents, Worker } from 'bullmq'
import { EventSource } from 'eventsource'
import { openBroker } from 'respite'

const CARTS = '__keyspace@0__:cart:*'
const JOBS = 'board.jobs'

const PAGE = readFileSync(new URL('pages/live-board.html', import.meta.url))

/** Undefined = the program plays the browser itself. */
const port = process.argv[2]
// `K`: events by key; `$`, `g` and `x`: of strings, of all types, and of keys that expire.
const broker = await openBroker({
  config: { 'notify-keyspace-events': 'K$gx', channel: `${CARTS} keep 1h ${JOBS} keep 1h` },
})
const events = broker.http({ base: '/events', authorize: () => ({ subscribe: [CARTS, JOBS] }) })
const server = http.createServer((request, response) => {
  if (request.url?.startsWith('/events/')) return events(request, response)
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(PAGE)
})
await new Promise<void>((resolve) => server.listen(Number(port ?? 0), '127.0.0.1', resolve))
const site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const connection = { Connector: broker.Connector, maxRetriesPerRequest: null }
const queue = new Queue('mails', { connection })
const queueEvents = new QueueEvents('mails', { connection })
// BullMQ writes its events to a stream; the board hears those that are published.
queueEvents.on('completed', ({ jobId }) => void broker.publish(JOBS, `${jobId} completed`))
queueEvents.on('failed', ({ jobId, failedReason }) => void broker.publish(JOBS, `${jobId} failed: ${failedReason}`))
await queueEvents.waitUntilReady()
const worker = new Worker('mails', async ({ data }) => send(data.to), { connection })

function send(to: string): void {
  if (!to.includes('@')) throw new Error('no address')
}

/** Things happen in the shop: one event of a key or of the queue after the other. */
async function shop(): Promise<void> {
  await broker.call('SET', 'cart:7', 'apples', 'PX', 50)
  await broker.call('SET', 'cart:8', 'pears')
  await broker.call('SET', 'stock', 12)
  await broker.call('DEL', 'cart:8')
  await queue.add('mail', { to: 'ann@example.org' }, { jobId: 'mail-ann' })
  await queue.add('mail', { to: 'bob' }, { jobId: 'mail-bob' })
}

/** Stands in for a browser: runs the page's script until the board has `count` lines. */
async function openBoard(count: number): Promise<string[]> {
  const page = await (await fetch(site)).text()
  const [, script = ''] = /<script>(.*)<\/script>/s.exec(page) ?? []
  const lines: string[] = []
  const sources: EventSource[] = []
  class PageSource extends EventSource {
    constructor(path: string) {
      super(new URL(path, site))
      sources.push(this)
    }
  }
  await new Promise<void>((resolve) => {
    const append = ({ textContent }: { textContent: string }): void => {
      lines.push(textContent)
      if (lines.length === count) resolve()
    }
    const document = { getElementById: () => ({ append }), createElement: () => ({ textContent: '' }) }
    runInNewContext(script, { document, EventSource: PageSource })
  })
  for (const source of sources) source.close()
  return lines
}

const EVENTS = ['cart:7 set', 'cart:7 expire', 'cart:8 set', 'cart:8 del', 'cart:7 expired']
const JOB_EVENTS = [`${JOBS} mail-ann completed`, `${JOBS} mail-bob failed: no address`]

if (port !== undefined) {
  console.log(`the board is at ${site}`)
  setInterval(() => void broker.call('SET', 'cart:7', 'apples', 'PX', 500), 2000)
  await shop()
} else {
  const expected = [...EVENTS, ...JOB_EVENTS]
  const open = openBoard(expected.length)
  await shop()
  const live = await open
  for (const line of live) console.log(`board: ${line}`)
  const late = await openBoard(expected.length)
  const isRight = live.toSorted().join() === expected.toSorted().join() && late.join() === live.join()
  console.log(
    isRight ? `done: ${live.length} events, and the same on a board that was opened late` : 'events are missing',
  )
  await worker.close()
  await queueEvents.close()
  await queue.close()
  server.close()
  server.closeAllConnections()
  await broker.close()
  process.exitCode = isRight ? 0 : 1
}
