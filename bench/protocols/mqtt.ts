// MQTT 3.1.1. Kept messages are published with quality of service 1, and wait for a subscriber of a
// lasting session that is away.

import { open } from '../wire.ts'
import { answered, type Protocol } from './protocol.ts'

const PUBACK_BYTES = 4
const PINGREQ = Buffer.from([0xc0, 0])
const PINGRESP_BYTES = 2
/** Numbers of publications on their way: more than a window. */
const IDS = 1024

export const mqtt = (payload: string): Protocol => ({
  async open(port, counted) {
    let bytes = 0
    /** Bytes of each message that it hears, or of an acknowledgement. */
    let each = PUBACK_BYTES
    let listens = false
    let isOpen = false
    let lastId = 0
    /** Messages that the next PINGRESP says to be taken; 0 = none is awaited. */
    let unheard = 0
    const socket = await open(port, (_, length) => {
      if (!isOpen) return
      const before = Math.floor(bytes / each)
      bytes += length
      const count = Math.floor(bytes / each) - before
      if (listens) counted.heard(count)
      else counted.acknowledged(unheard > 0 ? count * unheard : count)
    })
    socket.write(connect(`bench-${process.pid}-${Math.random().toString(36).slice(2, 10)}`, true))
    await answered(socket)
    isOpen = true
    const subscribe = async (filters: readonly string[]): Promise<void> => {
      isOpen = false
      socket.write(Buffer.concat(filters.map((filter) => subscription(filter, 0))))
      await answered(socket)
      isOpen = true
      listens = true
      each = publication(filters[0]!, payload, undefined).length
    }
    return {
      socket,
      publish(channel, text, count) {
        const isKept = channel.startsWith('kept.')
        const messages: Buffer[] = []
        for (let i = 0; i < count; i++) {
          lastId = (lastId % IDS) + 1
          messages.push(publication(channel, text, isKept ? lastId : undefined))
        }
        socket.write(Buffer.concat(messages))
      },
      // Quality of service 0 is not acknowledged. A broker that answers a PINGREQ has
      // taken the messages before it.
      publishUnheard(text, count) {
        unheard = count
        each = PINGRESP_BYTES
        const message = publication('nobody', text, undefined)
        socket.write(Buffer.concat([...new Array<Buffer>(count).fill(message), PINGREQ]))
      },
      subscribe: (channel) => subscribe([channel]),
      // A channel is as long as the filter that it matches: the plus stands for one letter.
      subscribeByPatterns: (patterns) => subscribe(patterns.map((pattern) => pattern.replace('*', '+'))),
    }
  },
})

/** Subscribes with a lasting session and disconnects: from then on messages are kept for it. */
export async function leaveSession(port: number): Promise<void> {
  const socket = await open(port, () => {})
  socket.write(connect('away', false))
  await answered(socket)
  socket.write(subscription('kept.bench', 1))
  await answered(socket)
  socket.destroy()
}

function connect(client: string, isClean: boolean): Buffer {
  return packet(0x10, Buffer.concat([text('MQTT'), Buffer.from([4, isClean ? 2 : 0, 0, 0]), text(client)]))
}

function subscription(filter: string, quality: 0 | 1): Buffer {
  return packet(0x82, Buffer.concat([Buffer.from([0, 1]), text(topic(filter)), Buffer.from([quality])]))
}

function publication(channel: string, payload: string, id: number | undefined): Buffer {
  const number = id === undefined ? [] : [id >> 8, id & 255]
  const first = id === undefined ? 0x30 : 0x32
  return packet(first, Buffer.concat([text(topic(channel)), Buffer.from(number), Buffer.from(payload)]))
}

/** Levels are divided by slashes, where the others have dots. */
function topic(channel: string): string {
  return channel.replaceAll('.', '/')
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length >> 8, value.length & 255]), Buffer.from(value)])
}

function packet(first: number, body: Buffer): Buffer {
  const head = [first]
  let left = body.length
  do {
    head.push((left & 127) | (left > 127 ? 128 : 0))
    left >>= 7
  } while (left > 0)
  return Buffer.concat([Buffer.from(head), body])
}
