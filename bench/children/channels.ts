// Publishes to a kept channel, or adds to a stream, and hears it, for a while.

import { childInput, reportAndExit, sayReady } from '../child.ts'
import { Asker, encode, open } from '../wire.ts'

interface Input {
  port: number
  rival: 'respite' | 'redis'
  mode: 'publish' | 'deliver' | 'catch-up'
  seconds: number
  payloadBytes: number
  /** To be caught up with. */
  messages: number
}

const { port, rival, mode, seconds, payloadBytes, messages } = childInput<Input>()

const PIPELINE = 16
const CHANNEL = 'kept.bench'
const payload = 'x'.repeat(payloadBytes)
const publish =
  rival === 'respite'
    ? encode('PUBLISH', CHANNEL, payload)
    : encode('XADD', CHANNEL, 'MAXLEN', '~', '1000000', '*', 'message', payload)
const batch = Buffer.from(publish.repeat(PIPELINE))
/**
 * Publishers side by side, as many as redis-benchmark's clients: each waits for its own replies.
 */
const PUBLISHERS = 50

let replies = 0

/** Publishes, 16 at a time, for ever. */
async function publisher(): Promise<void> {
  let waiting = 0
  const socket = await open(port, (buffer, length) => {
    // Each reply ends where the next begins: `:` for a count, `$` for an id.
    for (let i = 0; i < length; i++) {
      const byte = buffer[i]
      if (byte === 58 || byte === 36) {
        waiting--
        replies++
      }
    }
    if (waiting === 0) send()
  })
  const send = (): void => {
    waiting = PIPELINE
    socket.write(batch)
  }
  send()
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const messageBytes = encode('message', CHANNEL, payload).length

async function rateOf(count: () => number): Promise<number> {
  await wait((seconds * 1000) / 3)
  const [before, at] = [count(), performance.now()]
  await wait(seconds * 1000)
  return ((count() - before) * 1000) / (performance.now() - at)
}

let received = 0

if (mode === 'publish') {
  for (let i = 0; i < PUBLISHERS; i++) await publisher()
  reportAndExit({ perSecond: await rateOf(() => replies) })
} else if (mode === 'deliver') {
  if (rival === 'respite') {
    const socket = await open(port, (_, length) => {
      received += length
    })
    socket.write(encode('SUBSCRIBE', CHANNEL))
    await wait(50)
    for (let i = 0; i < PUBLISHERS; i++) await publisher()
    reportAndExit({ perSecond: await rateOf(() => received / messageBytes) })
  } else {
    let heard = 0
    const asker = await Asker.open(port)
    void (async () => {
      for (let last = '$'; ; ) {
        const reply = (await asker.ask('XREAD', 'COUNT', '1000', 'BLOCK', '0', 'STREAMS', CHANNEL, last)) as [
          string,
          [string, string[]][],
        ][]
        const entries = reply[0]![1]
        heard += entries.length
        last = entries.at(-1)![0]
      }
    })()
    await wait(50)
    for (let i = 0; i < PUBLISHERS; i++) await publisher()
    reportAndExit({ perSecond: await rateOf(() => heard) })
  }
} else {
  const name = encode('CLIENT', 'SETNAME', 'bench')
  const first = await open(port, () => {})
  first.write(name + encode('SUBSCRIBE', 'kept.catch-up'))
  await wait(100)
  first.write(encode('QUIT'))
  await wait(100)
  let published = 0
  const missed = Buffer.from(encode('PUBLISH', 'kept.catch-up', payload).repeat(1000))
  const filler = await open(port, (buffer, length) => {
    for (let i = 0; i < length; i++) if (buffer[i] === 58) published++
  })
  for (let i = 0; i < messages; i += 1000) {
    filler.write(missed)
    while (published < i - 20_000) await wait(1)
  }
  while (published < messages) await wait(1)

  await publisher()
  // Another client begins to measure its waiting time now.
  sayReady()
  await wait(1000)
  const expected = messages * encode('message', 'kept.catch-up', payload).length
  const startedAt = performance.now()
  let caughtUp: () => void = () => {}
  const done = new Promise<void>((resolve) => {
    caughtUp = resolve
  })
  const again = await open(port, (_, length) => {
    received += length
    if (received >= expected) caughtUp()
  })
  again.write(name + encode('SUBSCRIBE', 'kept.catch-up'))
  await done
  const passed = (performance.now() - startedAt) / 1000
  reportAndExit({ perSecond: messages / passed })
}
