// A chat with a model whose answer goes on after the page was reloaded: the model's words are published one by one to a channel that
// remembers, and the page hears them over HTTP. The page is closed in the middle and opened again: no word is lost, and none comes twice.

import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { EventSource } from 'eventsource'
import { openBroker } from 'respite'

const ANSWER = 'A broker that remembers can hand on the rest of an answer to whoever comes back for it.'.split(' ')

const broker = await openBroker({ config: { channel: 'chat.* keep 1h' } })
// Who may hear which chat is the program's own matter: here everybody may hear chat 1.
const events = broker.http({ base: '/events', authorize: () => ({ subscribe: ['chat.1'] }) })
const server = http.createServer((request, response) => {
  if (request.url?.startsWith('/events/')) return events(request, response)
  response.writeHead(404).end()
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo

/** What a model does: a word now and then, whether a page is there or not. */
async function answer(): Promise<void> {
  for (const word of ANSWER) {
    await broker.publish('chat.1', word)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await broker.publish('chat.1', '[end]')
}

/** A page. It shows words until there are `most`, or the answer is whole; what it stores outlives a reload. */
function openPage(stored: { words: string[]; last: string }, most: number): Promise<void> {
  const from = stored.last === '' ? 'first' : stored.last
  const source = new EventSource(`http://127.0.0.1:${port}/events/v1/subscribe?channel=chat.1&from=${from}`)
  return new Promise((resolve) => {
    source.onmessage = ({ data, lastEventId }) => {
      stored.last = lastEventId
      if (data !== '[end]') stored.words.push(String(data))
      if (data !== '[end]' && stored.words.length < most) return
      source.close()
      resolve()
    }
  })
}

const stored = { words: [] as string[], last: '' }
const model = answer()
await openPage(stored, 5)
console.log(`page: ${stored.words.join(' ')} … (reloaded here)`)
// The model goes on while no page is there.
await new Promise((resolve) => setTimeout(resolve, 100))
await openPage(stored, Number.POSITIVE_INFINITY)
console.log(`page: ${stored.words.join(' ')}`)
await model

const isWhole = stored.words.join(' ') === ANSWER.join(' ')
console.log(isWhole ? 'done: every word once, in order' : 'words are missing')
server.close()
server.closeAllConnections()
await broker.close()
process.exitCode = isWhole ? 0 : 1
