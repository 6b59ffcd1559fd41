// A client for many questions at a time, whose replies stay bytes: a search looks through them
// before it makes values of a few.

import type { Engine } from '../../commands/call.ts'
import type { Client, Transport } from '../../engine/clients/client.ts'
import { RequestWriter } from '../../protocol/request-writer.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { connectVisitor, type Visitor } from '../rights/visitor.ts'
import { endOfReply } from './reply-bytes.ts'

/** Words of a command as latin1: one character a byte. */
export type RawWords = readonly string[]

/**
 * Asks questions, and returns the bytes of the replies (RESP2), with the place where each begins.
 */
export interface RawAsker {
  ask(commands: readonly RawWords[]): Promise<RawReplies>
  end(): void
}

export interface RawReplies {
  readonly bytes: Buffer
  readonly starts: readonly number[]
}

export class RawClient implements Transport, RawAsker {
  readonly kind = 'tcp'
  readonly address: string
  readonly localAddress: string
  readonly isEncrypted: boolean
  readonly descriptor = -1
  readonly backlogBytes = 0
  readonly #engine: Engine
  readonly #client: Client
  readonly #writer = new RequestWriter()
  #bytes = Buffer.alloc(0)
  #starts: number[] = []
  /** The replies so far end here. */
  #at = 0
  #wanted = 0
  #resolve: (replies: RawReplies) => void = () => {}
  #reject: (error: Error) => void = () => {}

  /** Throws HttpError if the visitor's user is unknown. */
  constructor(engine: Engine, { address, isEncrypted, localAddress }: Exchange, visitor: Visitor) {
    this.address = address
    this.localAddress = localAddress
    this.isEncrypted = isEncrypted
    this.#engine = engine
    this.#client = connectVisitor(engine, this, visitor)
  }

  /** Rejects with HttpError if the client was ended. One question is asked at a time. */
  ask(commands: readonly RawWords[]): Promise<RawReplies> {
    if (this.#client.closed) return Promise.reject(ended())
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#bytes = Buffer.alloc(0)
      this.#starts = []
      this.#at = 0
      this.#wanted = commands.length
      if (commands.length === 0) this.#look()
      else this.#send(commands)
    })
  }

  end(): void {
    this.#engine.disconnect(this.#client)
    this.#reject(ended())
  }

  #send(commands: readonly RawWords[]): void {
    const writer = this.#writer
    writer.clear()
    for (const words of commands) {
      writer.begin(words.length)
      for (const word of words) writer.latin1(word)
    }
    this.#engine.receive(this.#client, writer.source, 0, writer.length)
  }

  #look(): void {
    while (this.#starts.length < this.#wanted) {
      const end = endOfReply(this.#bytes, this.#at)
      if (end < 0) return
      this.#starts.push(this.#at)
      this.#at = end
    }
    this.#resolve({ bytes: this.#bytes, starts: this.#starts })
  }

  // ── the engine's side ────────────────────────────────────────────────────

  write(bytes: Buffer): boolean {
    this.#bytes = this.#bytes.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#bytes, bytes])
    this.#look()
    return true
  }

  close(): void {
    this.end()
  }
}

function ended(): HttpError {
  return new HttpError(503, 'the connection was ended')
}
