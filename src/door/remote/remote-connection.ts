// A connection to another server that speaks the Redis protocol (RESP2): questions in a row, whose
// replies stay bytes.

import net from 'node:net'
import tls from 'node:tls'
import { RequestWriter } from '../../protocol/request-writer.ts'
import { HttpError } from '../exchanges/http-error.ts'
import type { RawAsker, RawReplies, RawWords } from '../jobs/raw-client.ts'
import { endOfReply } from '../jobs/reply-bytes.ts'

const CONNECT_MS_MAX = 10_000

export interface RemoteAddress {
  readonly host: string
  readonly port: number
  readonly isEncrypted: boolean
  readonly user: string
  readonly password: string
  readonly database: number
}

interface Question {
  readonly wanted: number
  readonly starts: number[]
  resolve(replies: RawReplies): void
  reject(error: Error): void
}

export class RemoteConnection implements RawAsker {
  readonly #socket: net.Socket
  readonly #waiting: Question[] = []
  #bytes: Buffer = Buffer.alloc(0)
  /** The replies to the first question end here. */
  #at = 0
  #failure: Error | undefined = undefined

  /** The connection is used from its first question on, while it opens. */
  constructor({ host, isEncrypted, port }: RemoteAddress) {
    this.#socket = isEncrypted ? tls.connect({ host, port, servername: host }) : net.connect({ host, port })
    this.#socket.setTimeout(CONNECT_MS_MAX)
    this.#socket.once(isEncrypted ? 'secureConnect' : 'connect', () => this.#socket.setTimeout(0))
    this.#socket.on('timeout', () => this.#socket.destroy(new Error('the connection takes too long')))
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.#socket.on('error', (error) => this.#failed(error))
    this.#socket.on('close', () => this.#failed(new Error('the connection was closed')))
  }

  get isClosed(): boolean {
    return this.#failure !== undefined
  }

  /** Rejects with HttpError where the server is not reached. */
  ask(commands: readonly RawWords[]): Promise<RawReplies> {
    const writer = new RequestWriter()
    for (const words of commands) {
      writer.begin(words.length)
      for (const word of words) writer.latin1(word)
    }
    if (commands.length === 0) return Promise.resolve({ bytes: Buffer.alloc(0), starts: [] })
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(unreached(this.#failure))
        return
      }
      this.#waiting.push({ wanted: commands.length, starts: [], resolve, reject })
      this.#socket.write(Buffer.from(writer.u8.subarray(0, writer.length)))
    })
  }

  end(): void {
    this.#socket.destroy()
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
  }

  #failed(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(unreached(this.#failure))
  }
}

function unreached({ message }: Error): HttpError {
  return new HttpError(503, `the server is not reached: ${message}`)
}
