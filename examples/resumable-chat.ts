// A chat with a model whose answer goes on after the page was reloaded: the model's words are
// published one by one to a channel that remembers, and the page hears them over HTTP. The page is
// closed in the middle and opened again: no word is lost, and none comes twice.
//
// The program plays the page itself, and ends. With a port, as in
// `npx tsx examples/resumable-chat.ts 3000`, it serves a page to browsers until it is stopped.

import { readFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { EventSource } from 'eventsource'
import { openBroker } from 'respite'

const PAGE = readFileSync(new URL('pages/resumable-chat.html', import.meta.url))
const ANSWER = 'A broker that remembers can hand on the rest of an answer when its reader comes back.'.split(' ')
/** The model needs so long for a word: less where no person reads. */
const port = process.argv[2]
const WORD_MS = port === undefined ? 20 : 100
/** It answers one question after the other. */
const model = { ready: Promise.resolve() }

const broker = await openBroker({ config: { channel: 'chat.* keep 1h' } })
// The program decides who may hear which chat: here each request may hear chat 1.
const events = broker.http({ base: '/events', authorize: () => ({ subscribe: ['chat.1'] }) })
const server = http.createServer(async (request, response) => {
  if (request.url?.startsWith('/events/')) return events(request, response)
  if (request.method === 'POST') {
    const question = await text(request)
    model.ready = model.ready.then(() => answer(question))
    return response.writeHead(202).end()
  }
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(PAGE)
})
await new Promise<void>((resolve) => server.listen(Number(port ?? 0), '127.0.0.1', resolve))
const site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

type Said = { readonly question: string } | { readonly word: string } | { readonly end: true }

/** Plays a model: it says a word now and then, whether a page is there or not. */
async function answer(question: string): Promise<void> {
  await say({ question })
  for (const word of ANSWER) {
    await say({ word })
    await new Promise((resolve) => setTimeout(resolve, WORD_MS))
  }
  await say({ end: true })
}

async function say(said: Said): Promise<void> {
  await broker.publish('chat.1', JSON.stringify(said))
}

/** Plays a page. It shows words until there are `most`, or the answer is whole; its store outlives a reload. */
function openPage(stored: { words: string[]; last: string }, most: number): Promise<void> {
  const source = new EventSource(`${site}/events/v1/subscribe?channel=chat.1&from=${stored.last}`)
  return new Promise((resolve) => {
    source.onmessage = ({ data, lastEventId }) => {
      const said = JSON.parse(data) as Said
      stored.last = lastEventId
      if ('word' in said) stored.words.push(said.word)
      if (!('end' in said) && stored.words.length < most) return
      source.close()
      resolve()
    }
  })
}

if (port !== undefined) console.log(`the chat is at ${site}`)
else {
  const stored = { words: [] as string[], last: 'first' }
  model.ready = answer('Why does it remember?')
  await openPage(stored, 5)
  console.log(`page: ${stored.words.join(' ')} … (reloaded here)`)
  // The model goes on while no page is there.
  await new Promise((resolve) => setTimeout(resolve, 100))
  await openPage(stored, Number.POSITIVE_INFINITY)
  console.log(`page: ${stored.words.join(' ')}`)
  await model.ready

  const isWhole = stored.words.join(' ') === ANSWER.join(' ')
  console.log(isWhole ? 'done: every word once, in order' : 'words are missing')
  server.close()
  server.closeAllConnections()
  await broker.close()
  process.exitCode = isWhole ? 0 : 1
}
