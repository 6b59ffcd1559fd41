// Commands as function calls: a client whose requests are encoded from words and whose replies become values.
//
// Requests are encoded as bytes, because they pass through the parser and into the journal like anybody's. Replies are read
// from the engine's buffers in place when the turn ends; promises are settled in the order of the calls.

import type { Engine } from '../commands/call.ts'
import type { Client, Transport } from '../engine/clients/client.ts'
import { CommandError, type ReplyValue, ReplyValueReader, type ReplyValueReceiver } from '../protocol/reply-value.ts'
import { RequestWriter } from '../protocol/request-writer.ts'
import { itemAt } from '../util/array-reads.ts'
import { utf8Of } from '../util/bytes/text.ts'
import { setInterval } from '../util/time/real-time.ts'

/** A word of a command: text (sent as UTF-8), a number, or bytes. */
export type Word = string | number | bigint | Uint8Array

/** A reply: RESP3's types as JavaScript's. */
export type CommandReply<S> = ReplyValue<S>

export interface CallerOptions {
  /** Whose shapes the replies have. Default 3. */
  protocol?: 2 | 3
  /** Called at once when the connection has ended, maybe within the engine's turn. */
  onClose?: () => void
}

interface PendingCall {
  buffers: boolean
  resolve(value: ReplyValue<string | Buffer>): void
  reject(error: Error): void
}

/** A timer that never fires in practice; while it is referenced the process lives on. */
const KEEP_ALIVE_MS = 2 ** 30

const SCRATCH_BYTES = 16 * 1024

/** All callers of a process share it. */
const requests = {
  /** Requests are encoded here; the engine is done with it when `receive` returns. */
  scratch: new RequestWriter(SCRATCH_BYTES),
}
/** For calls that are made before `receive` has returned, by a logger. */
const spares: RequestWriter[] = []

export class Caller implements Transport, ReplyValueReceiver<string | Buffer> {
  readonly kind = 'in-process'
  readonly address = 'in-process:0'
  readonly localAddress = 'in-process:0'
  readonly descriptor = -1
  readonly backlogBytes = 0
  readonly #engine: Engine
  readonly #protocol: 2 | 3
  readonly #onClose: (() => void) | undefined
  #reader: ReplyValueReader<string | Buffer>
  /** Calls without a reply yet, [#first, …). */
  #pending: PendingCall[] = []
  #first = 0
  #client: Client
  #keepAlive: NodeJS.Timeout | undefined = undefined

  constructor(engine: Engine, { protocol = 3, onClose }: CallerOptions = {}) {
    this.#engine = engine
    this.#protocol = protocol
    this.#onClose = onClose
    this.#reader = this.#newReader()
    this.#client = this.#connect()
  }

  /** Runs a command; with `buffers` the reply's strings are bytes. */
  call(command: string, words: readonly Word[], buffers: boolean): Promise<ReplyValue<string | Buffer>> {
    return new Promise((resolve, reject) => {
      requests.scratch.clear()
      encode(command, words)
      this.#expect({ buffers, resolve, reject })
      this.#send()
    })
  }

  /** Runs commands one behind the other; one that fails is a CommandError among the replies. */
  callAll(commands: readonly (readonly [string, ...Word[]])[]): Promise<ReplyValue<string>[]> {
    return new Promise((resolve, reject) => {
      const replies: ReplyValue<string>[] = []
      if (commands.length === 0) return resolve(replies)
      const take = (value: ReplyValue<string | Buffer>): void => {
        replies.push(value as ReplyValue<string>)
        if (replies.length === commands.length) resolve(replies)
      }
      const fail = (error: Error): void => {
        if (error instanceof CommandError) take(error)
        else reject(error)
      }
      requests.scratch.clear()
      for (const [command, ...words] of commands) encode(command, words)
      const pending = { buffers: false, resolve: take, reject: fail }
      for (let i = 0; i < commands.length; i++) this.#expect(pending)
      this.#send()
    })
  }

  /** Runs commands between MULTI and EXEC. */
  transaction(commands: readonly (readonly [string, ...Word[]])[]): Promise<ReplyValue<string>[]> {
    return new Promise((resolve, reject) => {
      let firstError: CommandError | undefined
      requests.scratch.clear()
      encode('MULTI', [])
      for (const [command, ...words] of commands) encode(command, words)
      encode('EXEC', [])
      const queued = { buffers: false, resolve() {}, reject: (error: Error) => (firstError ??= error as CommandError) }
      for (let i = 0; i <= commands.length; i++) this.#expect(queued)
      this.#expect({
        buffers: false,
        resolve: (value) => resolve(value as ReplyValue<string>[]),
        // EXECABORT says that a command was refused; which and why says that command's own error.
        reject: (error) => reject(firstError ?? error),
      })
      this.#send()
    })
  }

  /** Does something on behalf of this client; fulfilled when the client may hear of it, as safe as its policy says. */
  async run(work: (client: Client) => void): Promise<void> {
    if (this.#client.closed) this.#client = this.#connect()
    work(this.#client)
    // Whose reply is kept back until then.
    if (this.#engine.effects.propagation.on) await this.call('PING', [], false)
  }

  close(when: 'flushed' | 'now' = 'now'): void {
    if (when === 'now') this.#engine.disconnect(this.#client)
    const pending = this.#pending.slice(this.#first)
    this.#pending = []
    this.#first = 0
    this.#keepAlive?.unref()
    for (const { reject } of pending) reject(new Error('the connection to the broker was closed'))
    this.#onClose?.()
  }

  write(bytes: Buffer): boolean {
    this.#reader.feed(bytes)
    return true
  }

  reply(value: ReplyValue<string | Buffer>): void {
    const call = itemAt(this.#pending, this.#first++)
    if (this.#first === this.#pending.length) {
      this.#pending.length = 0
      this.#first = 0
      this.#keepAlive?.unref()
    } else if (this.#first >= 1024 && 2 * this.#first >= this.#pending.length) {
      this.#pending.splice(0, this.#first)
      this.#first = 0
    }
    if (value instanceof CommandError) call.reject(value)
    else call.resolve(value)
  }

  push(): void {}

  #decode(u8: Buffer, start: number, length: number): string | Buffer {
    if (this.#pending[this.#first]?.buffers === true) return Buffer.from(u8.subarray(start, start + length))
    return utf8Of(u8, start, length)
  }

  #expect(call: PendingCall): void {
    // CLIENT KILL, or an output limit, ended the connection that was.
    if (this.#client.closed) {
      // It may have ended in the middle of a reply.
      this.#reader = this.#newReader()
      this.#client = this.#connect()
    }
    if (this.#pending.length === 0) {
      this.#keepAlive ??= setInterval(() => {}, KEEP_ALIVE_MS)
      this.#keepAlive.ref()
    }
    this.#pending.push(call)
  }

  #send(): void {
    const request = requests.scratch
    requests.scratch = spares.pop() ?? new RequestWriter(SCRATCH_BYTES)
    this.#engine.receive(this.#client, request.source, 0, request.length)
    spares.push(requests.scratch)
    requests.scratch = request
  }

  #newReader(): ReplyValueReader<string | Buffer> {
    return new ReplyValueReader((u8, start, length) => this.#decode(u8, start, length), this)
  }

  #connect(): Client {
    // Whoever is inside the process needs no password: it has the memory.
    const client = this.#engine.connect(this, 'internal')
    client.protocol = this.#protocol
    return client
  }
}

/** Appends a request to the scratch. */
function encode(command: string, words: readonly Word[]): void {
  const writer = requests.scratch
  writer.begin(words.length + 1)
  writer.utf8(command)
  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    if (typeof word === 'string') writer.utf8(word)
    else if (typeof word === 'number' || typeof word === 'bigint') writer.latin1(String(word))
    else if (word instanceof Uint8Array) writer.u8Array(word)
    else throw new TypeError('a word of a command is a string, a number or bytes')
  }
}
