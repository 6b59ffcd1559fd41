// Makes many keys expire, or many scheduled messages fall due, spread evenly over a second. It
// hears of each and notes the delay.

import { childInput, reportAndExit } from '../child.ts'
import { encode, open } from '../wire.ts'

export interface DueInput {
  port: number
  what: 'keys' | 'messages'
  count: number
}

export interface DueReport {
  /** Milliseconds, the least first. */
  delays: number[]
}

/** All of it is set up by then. */
const LEAD_MS = 6000
const SPREAD_MS = 1000
/** Requests sent in one piece. */
const BATCH = 1000
const CHANNEL = 'due'
const EXPIRED = '__keyevent@0__:expired'
/** A key or message has its due time in its name. */
const NAME = /due:(\d+):\d+\r\n/g

const { port, what, count } = childInput<DueInput>()
const delays: number[] = []
let rest = ''
let confirmed: () => void = () => {}
const subscribed = new Promise<void>((resolve) => {
  confirmed = resolve
})
const listener = await open(port, (buffer, length) => {
  const nowMs = performance.timeOrigin + performance.now()
  confirmed()
  rest += buffer.toString('latin1', 0, length)
  let end = 0
  for (const match of rest.matchAll(NAME)) {
    delays.push(nowMs - Number(match[1]))
    end = match.index + match[0].length
  }
  rest = rest.slice(Math.max(end, rest.length - 64))
  if (delays.length === count) reportAndExit({ delays: delays.sort((a, b) => a - b) } satisfies DueReport)
})
listener.write(encode('SUBSCRIBE', what === 'keys' ? EXPIRED : CHANNEL))
await subscribed

let answered = 0
let taken: () => void = () => {}
const writer = await open(port, (buffer, length) => {
  for (let i = 0; i < length; i++) if (buffer[i] === 0x0d) answered++
  taken()
})
const beginMs = Date.now() + LEAD_MS
// A command's reply has one line, or two where it is an id.
const replyLines = what === 'keys' ? 1 : 2
for (let i = 0; i < count; ) {
  let requests = ''
  for (const until = Math.min(count, i + BATCH); i < until; i++) {
    const dueMs = beginMs + Math.floor((i * SPREAD_MS) / count)
    const name = `due:${dueMs}:${i}`
    requests +=
      what === 'keys'
        ? encode('SET', name, '', 'PXAT', String(dueMs))
        : encode('PUBLISH', CHANNEL, name, 'AT', String(dueMs))
  }
  writer.write(requests)
  while (answered < i * replyLines) {
    await new Promise<void>((resolve) => {
      taken = resolve
    })
  }
}
