// AMQP 0-9-1 (rabbitmq.com/resources/specs/amqp0-9-1.pdf). Kept messages go to a durable queue,
// each persistent and confirmed. News goes to a fanout exchange, and orders to a topic exchange,
// with an exclusive queue for each subscriber.

import { connect, type Socket } from 'node:net'
import type { Protocol } from './protocol.ts'

const METHOD = 1
const HEADER = 2
const BODY = 3
const FRAME_END = 0xce
const FRAME_BYTES = 8

const START = [10, 10] as const
const OPEN_OK = [10, 41] as const
const TUNE = [10, 30] as const
const ACK = [60, 80] as const

type Method = readonly [classId: number, methodId: number]

const DURABLE = 2
const EXCLUSIVE = 4
const NO_ACK = 2

const EXCHANGES: readonly (readonly [name: string, type: string])[] = [
  ['news', 'fanout'],
  ['nobody', 'fanout'],
  ['orders', 'topic'],
]

export const amqp: Protocol = {
  open(port, counted) {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      socket.once('error', reject)
      const wire = new Frames(socket)
      wire.heard = () => counted.heard(1)
      const confirms = new Confirms()
      wire.acknowledged = (tag, isMultiple) => counted.acknowledged(confirms.take(tag, isMultiple))
      socket.once('connect', async () => {
        await begin(wire)
        const listen = async (exchange: string, keys: readonly string[]): Promise<void> => {
          const queue = shortText(`listener-${process.pid}-${Math.random().toString(36).slice(2, 10)}`)
          const ask = (request: Method, reply: Method, ...words: Buffer[]): Promise<void> =>
            wire.ask(request, reply, Buffer.concat([short(0), queue, ...words, EMPTY_TABLE]))
          await ask([50, 10], [50, 11], octet(EXCLUSIVE))
          for (const key of keys) await ask([50, 20], [50, 21], shortText(exchange), shortText(key), octet(0))
          await ask([60, 20], [60, 21], shortText(''), octet(NO_ACK))
        }
        const publish = (channel: string, text: string, count: number): void => {
          const exchange = channel.startsWith('kept.') ? '' : channel.split('.')[0]!
          const header = Buffer.concat([
            short(60),
            short(0),
            long(0),
            long(text.length),
            short(0x1000),
            octet(exchange === '' ? 2 : 1),
          ])
          const publication = Buffer.concat([
            method([60, 40], 1, Buffer.concat([short(0), shortText(exchange), shortText(channel), octet(0)])),
            frame(HEADER, 1, header),
            frame(BODY, 1, Buffer.from(text)),
          ])
          socket.write(Buffer.concat(new Array<Buffer>(count).fill(publication)))
        }
        resolve({
          socket,
          publish,
          // A message without a receiver is confirmed as any other.
          publishUnheard: (text, count) => publish('nobody', text, count),
          subscribe: (channel) => listen(channel, [channel]),
          subscribeByPatterns: (patterns) => listen('orders', patterns),
        })
      })
    })
  },
}

/** Opens connection and channel, and makes the queue and the exchanges. */
async function begin(wire: Frames): Promise<void> {
  wire.socket.write('AMQP\x00\x00\x09\x01')
  await wire.next(START)
  const login = Buffer.from('\x00guest\x00guest')
  const startOk = Buffer.concat([EMPTY_TABLE, shortText('PLAIN'), long(login.length), login, shortText('en_US')])
  wire.socket.write(method([10, 11], 0, startOk))
  await wire.next(TUNE)
  wire.socket.write(method([10, 31], 0, Buffer.concat([short(2047), long(131_072), short(0)])))
  wire.socket.write(method([10, 40], 0, Buffer.concat([shortText('/'), shortText(''), octet(0)])))
  await wire.next(OPEN_OK)
  await wire.ask([20, 10], [20, 11], shortText(''))
  await wire.ask([85, 10], [85, 11], octet(0))
  await wire.ask([50, 10], [50, 11], Buffer.concat([short(0), shortText('kept.bench'), octet(DURABLE), EMPTY_TABLE]))
  for (const [name, type] of EXCHANGES) {
    await wire.ask(
      [40, 10],
      [40, 11],
      Buffer.concat([short(0), shortText(name), shortText(type), octet(0), EMPTY_TABLE]),
    )
  }
}

/** Counts confirmations: one by one, in any order, or of all up to one. */
class Confirms {
  /** All up to here are confirmed, and these beyond it. */
  #upTo = 0
  readonly #beyond = new Set<number>()

  /** Returns how many more are confirmed. */
  take(tag: number, isMultiple: boolean): number {
    let count = 0
    if (isMultiple) {
      for (; this.#upTo < tag; this.#upTo++) if (!this.#beyond.delete(this.#upTo + 1)) count++
    } else {
      this.#beyond.add(tag)
      count = 1
    }
    while (this.#beyond.delete(this.#upTo + 1)) this.#upTo++
    return count
  }
}

/** Frames as they come: those that are waited for, and those that are counted. */
class Frames {
  readonly socket: Socket
  heard: () => void = () => {}
  acknowledged: (tag: number, isMultiple: boolean) => void = () => {}
  #rest: Buffer = Buffer.alloc(0)
  #waiting: { method: Method; resolve: () => void } | undefined = undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => this.#take(chunk))
  }

  next(method: Method): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = { method, resolve }
    })
  }

  ask(request: Method, reply: Method, words: Buffer): Promise<void> {
    const answered = this.next(reply)
    this.socket.write(method(request, 1, words))
    return answered
  }

  #take(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (at + 7 <= bytes.length) {
      const size = bytes.readUInt32BE(at + 3)
      if (at + FRAME_BYTES + size > bytes.length) break
      this.#frame(bytes[at]!, bytes, at + 7)
      at += FRAME_BYTES + size
    }
    this.#rest = bytes.subarray(at)
  }

  #frame(type: number, bytes: Buffer, at: number): void {
    if (type === BODY) this.heard()
    if (type !== METHOD) return
    const found: Method = [bytes.readUInt16BE(at), bytes.readUInt16BE(at + 2)]
    if (is(found, ACK)) {
      this.acknowledged(Number(bytes.readBigUInt64BE(at + 4)), (bytes[at + 12]! & 1) === 1)
    } else if (this.#waiting !== undefined && is(found, this.#waiting.method)) {
      const { resolve } = this.#waiting
      this.#waiting = undefined
      resolve()
    } else if (found[1] === 50 || found[1] === 40) {
      const length = bytes[at + 6]!
      if (found[0] <= 20) throw new Error(bytes.toString('latin1', at + 7, at + 7 + length))
    }
  }
}

function is(a: Method, b: Method): boolean {
  return a[0] === b[0] && a[1] === b[1]
}

function method([classId, methodId]: Method, channel: number, words: Buffer): Buffer {
  return frame(METHOD, channel, Buffer.concat([short(classId), short(methodId), words]))
}

function frame(type: number, channel: number, payload: Buffer): Buffer {
  return Buffer.concat([octet(type), short(channel), long(payload.length), payload, octet(FRAME_END)])
}

function octet(value: number): Buffer {
  return Buffer.from([value])
}

function short(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255])
}

function long(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function shortText(value: string): Buffer {
  return Buffer.concat([octet(value.length), Buffer.from(value)])
}

const EMPTY_TABLE = long(0)
