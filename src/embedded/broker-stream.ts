// A connection without a socket: a Duplex whose other end is a client of an engine in this process.
//
// A library writes requests to it, and reads replies from it. Requests run at
// once; replies arrive when the turn of the loop ends, as they do through a socket, and
// never from inside a `write`. Only replies are copied (once): the engine's buffers are
// reused, and a reader may keep what it gets for as long as it likes.
//
// A reader that does not keep up lets its backlog grow, as with a socket, until the
// output limits of its class end the connection.

import { Duplex } from 'node:stream'
import type { Engine } from '../commands/call.ts'
import type { Client } from '../engine/clients/client.ts'
import type { Transport } from '../engine/clients/transport.ts'
import type { ReplyValue } from '../protocol/reply-value.ts'
import { assert } from '../util/assert.ts'
import { Source } from '../util/bytes/bytes.ts'
import { nextTick } from '../util/time/real-time.ts'
import type { Word } from './argument-checks.ts'
import { gatherWords } from './call-words.ts'
import { PlainCommands } from './plain-commands.ts'

export class BrokerStream extends Duplex {
  /** For libraries that print the address they are connected to. */
  readonly remoteAddress = 'in-process'
  readonly remotePort = 0
  readonly #engine: Engine
  readonly #client: Client
  readonly #plain: PlainCommands
  /** The replies made in this turn, and their total length. */
  #outgoing: Buffer[] = []
  #outgoingBytes = 0
  #endAfterwards = false
  /** Called when the reader has taken everything. */
  #drained: (() => void)[] = []

  constructor(engine: Engine) {
    super({ allowHalfOpen: false, decodeStrings: true })
    this.#engine = engine
    const stream = this
    const transport: Transport = {
      kind: 'in-process',
      address: 'in-process:0',
      localAddress: 'in-process:0',
      descriptor: -1,
      get backlogBytes() {
        return stream.readableLength + stream.#outgoingBytes
      },
      write(bytes) {
        if (stream.destroyed) return true
        stream.#outgoing.push(Buffer.from(bytes))
        stream.#outgoingBytes += bytes.length
        stream.#deliverSoon()
        return true
      },
      whenDrained(tell) {
        stream.#drained.push(tell)
      },
      close(when) {
        if (when === 'now') {
          // Not within the engine's turn, because 'close' runs the user's code.
          nextTick(() => stream.destroy())
          return
        }
        stream.#endAfterwards = true
        stream.#deliverSoon()
      },
    }
    this.#client = engine.connect(transport)
    this.#plain = new PlainCommands(engine.commands)
  }

  /**
   * Runs a command as this connection, if its reply is available at once, and returns the reply. A
   * library calls it only while none of its requests waits for a reply. Undefined means that the
   * command was not run, and has to be written as a request. Errors are values. Throws TypeError
   * for values that cannot be words.
   */
  callAtOnce(command: string, words: readonly Word[]): ReplyValue<string | Buffer> | undefined {
    const { direct } = this.#engine.requests
    if (this.writableLength > 0 || this.readableLength > 0 || this.#outgoingBytes > 0) return undefined
    const known = this.#plain.find(command)
    if (this.#client.connection.closed || known === undefined || !direct.admitsNow(this.#client)) return undefined
    const gathered = gatherWords(command, words)
    const isWhole = direct.runAtOnce(this.#client, gathered.args, false, known)
    gathered.release()
    assert(isWhole, 'a command that does not wait, and is not put off, replies at once')
    return direct.reply.value
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#engine.receive(this.#client, new Source(chunk), 0, chunk.length)
    done()
  }

  /** The reader has taken all bytes so far. */
  override _read(): void {
    if (this.#drained.length === 0 || this.#outgoingBytes > 0) return
    const drained = this.#drained
    this.#drained = []
    for (const tell of drained) nextTick(tell)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#engine.clients.connected.close(this.#client, 'flushed')
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#outgoing = []
    this.#outgoingBytes = 0
    this.#engine.disconnect(this.#client)
    done(error)
  }

  /** Does nothing: libraries call it on sockets, like the four methods below. */
  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  setTimeout(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  #deliveryDue = false

  #deliverSoon(): void {
    if (this.#deliveryDue) return
    this.#deliveryDue = true
    nextTick(() => this.#deliver())
  }

  #deliver(): void {
    this.#deliveryDue = false
    const outgoing = this.#outgoing
    this.#outgoing = []
    this.#outgoingBytes = 0
    for (const bytes of outgoing) if (!this.destroyed) this.push(bytes)
    if (this.#endAfterwards && !this.destroyed && !this.readableEnded) this.push(null)
  }
}
