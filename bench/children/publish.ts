// Subscribers and a publisher in one process: publishes as fast as the subscribers receive, for a
// while.

import type { Socket } from 'node:net'
import { childInput, reportAndExit } from '../child.ts'
import { encode, open } from '../wire.ts'

interface Input {
  port: number
  seconds: number
  /** Channel subscriptions, one a connection. */
  subscribers: number
  /**
   * Pattern subscriptions of one more connection, one of which matches; then replies to PUBLISH are
   * counted.
   */
  patterns: number
  payloadBytes: number
}

const { port, seconds, subscribers, patterns, payloadBytes } = childInput<Input>()

const CHANNEL = 'orders.region-00017.created'
const PATTERN_OF_ONE = (i: number): string => `orders.region-${String(i).padStart(5, '0')}.*`
const payload = 'x'.repeat(payloadBytes)
const publish = encode('PUBLISH', CHANNEL, payload)
/**
 * Messages published and not yet received: so few that no output limit is near,
 * and so many that no side idles.
 */
const AHEAD_MAX = subscribers >= 1000 ? 256 : 2048
const BATCH = subscribers >= 1000 ? 32 : 128
const batchBytes = Buffer.from(publish.repeat(BATCH))

let received = 0
let replies = 0
const sockets: Socket[] = []

/** Subscribes and waits for the confirmations, then counts bytes. */
async function subscribe(verb: string, names: string[], count: (bytes: number) => void): Promise<void> {
  let confirmations = 0
  let confirmed: () => void = () => {}
  const done = new Promise<void>((resolve) => {
    confirmed = resolve
  })
  const socket = await open(port, (buffer, length) => {
    if (confirmations >= names.length) return count(length)
    // Each confirmation ends in its count, the only line that begins with a colon.
    for (let i = buffer.indexOf(58); i !== -1 && i < length; i = buffer.indexOf(58, i + 1)) {
      if (i === 0 || buffer[i - 1] === 10) confirmations++
    }
    if (confirmations >= names.length) confirmed()
  })
  sockets.push(socket)
  socket.write(encode(verb, ...names))
  await done
}

const messageBytes = encode('message', CHANNEL, payload).length
for (let i = 0; i < subscribers; i++) {
  await subscribe('SUBSCRIBE', [CHANNEL], (bytes) => {
    received += bytes
    pump()
  })
}
if (patterns > 0) {
  await subscribe(
    'PSUBSCRIBE',
    Array.from({ length: patterns }, (_, i) => PATTERN_OF_ONE(i)),
    () => {},
  )
}

let published = 0
let running = false
const publisher = await open(port, (buffer, length) => {
  for (let i = buffer.indexOf(10); i !== -1 && i < length; i = buffer.indexOf(10, i + 1)) replies++
  pump()
})

function pump(): void {
  if (!running) return
  // The slowest decides only in sum: every subscriber gets every message.
  const done = subscribers > 0 ? received / messageBytes / subscribers : replies
  while (published - Math.min(done, replies) < AHEAD_MAX - BATCH) {
    published += BATCH
    publisher.write(batchBytes)
  }
}

function measure(forSeconds: number): Promise<{ delivered: number; published: number }> {
  const before = { received, replies, at: performance.now() }
  return new Promise((resolve) => {
    setTimeout(() => {
      const passed = (performance.now() - before.at) / 1000
      resolve({
        delivered: (received - before.received) / messageBytes / passed,
        published: (replies - before.replies) / passed,
      })
    }, forSeconds * 1000)
  })
}

running = true
pump()
await measure(seconds / 3)
reportAndExit(await measure(seconds))
