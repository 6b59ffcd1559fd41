// Streams of a door, or connections of a socket.io server, in one process: opens them all, and
// counts what each hears.
//
// A message begins with its number. So each stream says what it missed, and what came twice.

import { connect, type Socket } from 'node:net'
import { askedToFinish, childInput, reportAndExit, sayReady } from '../child.ts'

export interface StreamsInput {
  kind: 'door' | 'socket.io'
  port: number
  streams: number
  /** Behind the path of the request. */
  query: string
  lastEventId?: string
  /** The number of the first message to be heard. */
  first: number
  /** It reports when each stream has heard this number; without it, when it is asked to. */
  last?: number
}

export interface StreamsReport {
  /** Until all were open, and until all had heard the last message. */
  openedMs: number
  heardMs: number
  heard: number
  missed: number
  repeated: number
  /** The id of the last message, where there are ids. */
  lastId: string
}

const { kind, port, streams, query, lastEventId, first, last } = childInput<StreamsInput>()
/** Connections that are being opened at a time. */
const OPENING_MAX = 64

const report: StreamsReport = { openedMs: 0, heardMs: 0, heard: 0, missed: 0, repeated: 0, lastId: '' }
const began = performance.now()
let heardLast = 0
let done: () => void = () => {}
const allHeard = new Promise<void>((resolve) => {
  done = resolve
})

/** The next message that one stream expects. */
class Numbers {
  #next = first

  take(number: number): void {
    report.heard++
    if (number < this.#next) {
      report.repeated++
      return
    }
    report.missed += number - this.#next
    this.#next = number + 1
    if (number !== last || ++heardLast < streams) return
    report.heardMs = performance.now() - began
    done()
  }
}

// ── Server-Sent Events ──────────────────────────────────────────────────────

const REQUEST = [
  `GET /v1/subscribe?${query} HTTP/1.1`,
  'Host: 127.0.0.1',
  'Accept: text/event-stream',
  ...(lastEventId === undefined ? [] : [`Last-Event-ID: ${lastEventId}`]),
  '\r\n',
].join('\r\n')

function openEvents(): Promise<void> {
  return new Promise((resolve, reject) => {
    const numbers = new Numbers()
    let rest = ''
    let isOpen = false
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(REQUEST))
    socket.setEncoding('latin1')
    socket.once('error', reject)
    socket.on('data', (text) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        if (line.startsWith('data:')) numbers.take(Number.parseInt(line.slice(5), 10))
        else if (line.startsWith('id:')) report.lastId = line.slice(3).trim()
        else if (!isOpen && line.startsWith('HTTP/1.1')) {
          if (!line.startsWith('HTTP/1.1 200')) reject(new Error(line))
          isOpen = true
          resolve()
        }
      }
    })
  })
}

// ── socket.io ───────────────────────────────────────────────────────────────

/** Packets of socket.io: open, connected, ping and an event. */
async function openSocketIo(): Promise<void> {
  const { WebSocket } = await import('ws')
  const numbers = new Numbers()
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`, {
      perMessageDeflate: false,
    })
    socket.once('error', reject)
    socket.on('message', (data) => {
      const text = String(data)
      if (text.startsWith('42')) numbers.take(Number.parseInt(text.slice(text.indexOf(',"') + 2), 10))
      else if (text.startsWith('40')) resolve()
      else if (text.startsWith('0')) socket.send('40')
      else if (text === '2') socket.send('3')
    })
  })
}

// ── the work ────────────────────────────────────────────────────────────────

const open = kind === 'door' ? openEvents : openSocketIo
let opened = 0
await Promise.all(
  Array.from({ length: OPENING_MAX }, async () => {
    while (opened < streams) {
      opened++
      await open()
    }
  }),
)
report.openedMs = performance.now() - began
sayReady()
await (last === undefined ? askedToFinish() : allHeard)
reportAndExit(report)
