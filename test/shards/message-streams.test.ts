// Batches of messages between shards: whichever are lost, each message is delivered once or counted
// as missed.

import { expect, test } from 'vitest'
import { IncomingMessages } from '../../src/shards/incoming-messages.ts'
import { headerBytesOf } from '../../src/shards/message-batch.ts'
import { OutgoingMessages } from '../../src/shards/outgoing-messages.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'

const SENDER = '0123456789abcdef'
const bytesMax = headerBytesOf('shärd') + 40

/** Receives the messages of one sender, each as text. */
function hearing(): { incoming: IncomingMessages; heard: string[] } {
  const heard: string[] = []
  const incoming = new IncomingMessages('', ({ isInLog, shard }, channel, message) => {
    heard.push(`${shard} ${isInLog} ${channel} ${message}`)
  })
  return { incoming, heard }
}

test('messages of any length arrive as they were sent, in batches that are full', () => {
  const { heard, incoming } = hearing()
  const outgoing = new OutgoingMessages('shärd', SENDER)
  const said: string[] = []
  let sent = 0
  for (let length = 0; length < 150; length++) {
    const message = String(length).padStart(length, '.')
    expect(outgoing.add(Bytes.from(`ch${length % 7}`), Bytes.from(message), length % 2 === 0)).toBe(true)
    said.push(`shärd ${length % 2 === 0} ch${length % 7} ${message}`)
    if (length % 5 > 0) continue
    while (!outgoing.isEmpty) {
      const { bytes, messages } = outgoing.take(bytesMax)
      sent += messages
      incoming.receive(bytes)
      expect(bytes.length === bytesMax || outgoing.isEmpty).toBe(true)
      expect(heard).toHaveLength(sent)
    }
  }
  while (!outgoing.isEmpty) incoming.receive(outgoing.take(bytesMax).bytes)
  expect(heard).toEqual(said)
  expect(incoming.missed).toBe(0)
})

test('lost or repeated batches leave the rest in order, and lost messages are counted', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new Random(seed)
    const { heard, incoming } = hearing()
    const outgoing = new OutgoingMessages('a', SENDER)
    let said = 0
    const send = (isLost: boolean): void => {
      const { bytes } = outgoing.take(bytesMax)
      if (!isLost) incoming.receive(bytes)
      if (random.below(4) === 0 && !isLost) incoming.receive(bytes)
    }
    const say = (): void => {
      outgoing.add(Bytes.from('c'), Bytes.from(`${said++}`.padEnd(4 + random.below(100))), true)
    }
    say()
    send(false)
    for (let i = 0; i < 60; i++) {
      say()
      if (!outgoing.isEmpty && random.below(3) > 0) send(random.below(3) === 0)
    }
    while (!outgoing.isEmpty) send(random.below(3) === 0)
    // The last batch tells how many are missing before it.
    outgoing.add(Bytes.from('c'), Bytes.from(`${said++}`), true)
    send(false)
    const numbers = heard.map((line) => Number(line.split(' ')[3]))
    expect(numbers, `seed ${seed}`).toEqual([...new Set(numbers)].sort((a, b) => a - b))
    expect(numbers.at(-1)).toBe(said - 1)
    expect(heard.length + incoming.missed, `seed ${seed}`).toBe(said)
  }
})

test('a new listener has missed nothing; own batches are ignored; waiting messages are bounded', () => {
  const outgoing = new OutgoingMessages('a', SENDER)
  const say = (text: string): boolean => outgoing.add(Bytes.from('c'), Bytes.from(text), true)
  say('x'.repeat(100))
  outgoing.take(bytesMax)
  const { heard, incoming } = hearing()
  while (!outgoing.isEmpty) incoming.receive(outgoing.take(bytesMax).bytes)
  say('after')
  const { bytes } = outgoing.take(bytesMax)
  incoming.receive(bytes)
  expect([heard, incoming.missed]).toEqual([['a true c after'], 0])
  const own = new IncomingMessages(SENDER, () => heard.push('our own'))
  own.receive(bytes)
  own.receive(Buffer.from('nonsense'))
  expect(heard).toHaveLength(1)
  const megabyte = 'x'.repeat(1024 * 1024)
  let taken = 0
  while (say(megabyte)) taken++
  expect(taken).toBe(15)
  expect(say('small')).toBe(true)
})
