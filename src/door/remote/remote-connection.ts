// A connection to another server that speaks the Redis protocol (RESP2): questions in a row, whose
// replies stay bytes.

import net from 'node:net'
import tls from 'node:tls'
import { RequestWriter } from '../../protocol/request-writer.ts'
import { HttpError } from '../exchanges/http-error.ts'
import type { RawAsker, RawReplies, RawWords } from '../jobs/raw-client.ts'
import { endOfReply } from '../jobs/reply-bytes.ts'
import { placeOf, type RemoteAddress } from './remote-address.ts'

export const CONNECT_MS_MAX = 10_000
/** A server that stands still for so long while it is asked counts as gone. */
const REPLY_MS_MAX = 30_000

export interface Patience {
  readonly connectMsMax: number
  readonly replyMsMax: number
}

const PATIENCE: Patience = { connectMsMax: CONNECT_MS_MAX, replyMsMax: REPLY_MS_MAX }

interface Question {
  readonly wanted: number
  readonly starts: number[]
  resolve(replies: RawReplies): void
  reject(error: Error): void
}

export class RemoteConnection implements RawAsker {
  readonly #address: RemoteAddress
  readonly #replyMsMax: number
  readonly #socket: net.Socket
  readonly #waiting: Question[] = []
  #bytes: Buffer = Buffer.alloc(0)
  /** The replies to the first question end here. */
  #at = 0
  #isOpen = false
  #failure: Error | undefined = undefined

  /** The connection is used from its first question on, while it opens. */
  constructor(address: RemoteAddress, { connectMsMax, replyMsMax } = PATIENCE) {
    this.#address = address
    this.#replyMsMax = replyMsMax
    this.#socket = dial(address)
    this.#socket.setTimeout(connectMsMax)
    this.#socket.once(address.isEncrypted ? 'secureConnect' : 'connect', () => {
      this.#isOpen = true
      this.#watch()
    })
    this.#socket.on('timeout', () =>
      this.#socket.destroy(new Error(this.#isOpen ? 'it does not answer' : 'the connection takes too long')),
    )
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.#socket.on('error', (error) => this.#failed(error))
    this.#socket.on('close', () => this.#failed(new Error('the connection was closed')))
  }

  get isClosed(): boolean {
    return this.#failure !== undefined
  }

  /** Rejects with HttpError where the server is not reached. */
  ask(commands: readonly RawWords[]): Promise<RawReplies> {
    if (commands.length === 0) return Promise.resolve({ bytes: Buffer.alloc(0), starts: [] })
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(unreached(this.#address, this.#failure))
        return
      }
      this.#waiting.push({ wanted: commands.length, starts: [], resolve, reject })
      this.#socket.write(bytesOf(commands))
      if (this.#isOpen) this.#watch()
    })
  }

  end(): void {
    this.#socket.destroy()
  }

  /** While something is asked, silence ends the connection. */
  #watch(): void {
    this.#socket.setTimeout(this.#waiting.length === 0 ? 0 : this.#replyMsMax)
  }

  #read(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    for (let question = this.#waiting[0]; question !== undefined; question = this.#waiting[0]) {
      while (question.starts.length < question.wanted) {
        const end = endOfReply(this.#bytes, this.#at)
        if (end < 0) return
        question.starts.push(this.#at)
        this.#at = end
      }
      this.#waiting.shift()
      question.resolve({ bytes: this.#bytes.subarray(0, this.#at), starts: question.starts })
      this.#bytes = this.#bytes.subarray(this.#at)
      this.#at = 0
    }
    this.#watch()
  }

  #failed(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(unreached(this.#address, this.#failure))
  }
}

/** Opens a socket to a server. */
export function dial({ encryption, host, isEncrypted, port, socket }: RemoteAddress): net.Socket {
  if (socket !== '') return net.connect({ path: socket })
  if (!isEncrypted) return net.connect({ host, port })
  // A name in TLS is never an address in numbers.
  const named = net.isIP(host) === 0 ? { servername: host } : {}
  return tls.connect({ host, port, ...named, ...encryption })
}

/** Returns requests as they are sent. */
export function bytesOf(commands: readonly RawWords[]): Buffer {
  const writer = new RequestWriter()
  for (const words of commands) {
    writer.begin(words.length)
    for (const word of words) writer.latin1(word)
  }
  return Buffer.from(writer.u8.subarray(0, writer.length))
}

export function unreached(address: RemoteAddress, { message }: Error): HttpError {
  return new HttpError(503, `the server ${placeOf(address)} is not reached: ${message}`)
}
