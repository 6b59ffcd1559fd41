// Commands as function calls: a client whose requests are encoded from words and whose replies become values.
//
// Requests are encoded as bytes, because they pass through the parser and into the journal like anybody's. Replies are read
// from the engine's buffers in place when the turn ends; promises are settled in the order of the calls.

import type { Client, Transport } from '../engine/client.ts'
import type { Engine } from '../engine/engine.ts'
import { CommandError, type ReplyValue, ReplyValueReader, type ReplyValueReceiver } from '../protocol/reply-value.ts'
import { Source } from '../util/bytes.ts'

/** A word of a command: text (sent as UTF-8), a number, or bytes. */
export type Word = string | number | bigint | Uint8Array

/** A reply: RESP3's types as JavaScript's. */
export type CommandReply<S> = ReplyValue<S>

interface PendingCall {
  buffers: boolean
  resolve(value: ReplyValue<string | Buffer>): void
  reject(error: Error): void
}

/** A timer that never fires in practice; while it is referenced the process lives on. */
const KEEP_ALIVE_MS = 2 ** 30

/** Requests are encoded here; the engine is done with it when `receive` returns. */
let scratch = Source.allocate(16 * 1024)

export class Caller implements Transport, ReplyValueReceiver<string | Buffer> {
  readonly kind = 'in-process'
  readonly address = 'in-process:0'
  readonly localAddress = 'in-process:0'
  readonly descriptor = -1
  readonly backlogBytes = 0
  readonly #engine: Engine
  readonly #reader = new ReplyValueReader<string | Buffer>((bytes) => this.#decode(bytes), this)
  /** Calls without a reply yet, [#first, …). */
  #pending: PendingCall[] = []
  #first = 0
  #client: Client
  #keepAlive: NodeJS.Timeout | undefined = undefined

  constructor(engine: Engine) {
    this.#engine = engine
    this.#client = this.#connect()
  }

  /** Runs a command; with `buffers` the reply's strings are bytes. */
  call(command: string, words: readonly Word[], buffers: boolean): Promise<ReplyValue<string | Buffer>> {
    return new Promise((resolve, reject) => {
      const end = encode(0, command, words)
      this.#expect({ buffers, resolve, reject })
      this.#send(end)
    })
  }

  /** Runs commands between MULTI and EXEC. */
  transaction(commands: readonly (readonly [string, ...Word[]])[]): Promise<ReplyValue<string>[]> {
    return new Promise((resolve, reject) => {
      let firstError: CommandError | undefined
      let end = encode(0, 'MULTI', [])
      for (const [command, ...words] of commands) end = encode(end, command, words)
      end = encode(end, 'EXEC', [])
      const queued = { buffers: false, resolve() {}, reject: (error: Error) => (firstError ??= error as CommandError) }
      for (let i = 0; i <= commands.length; i++) this.#expect(queued)
      this.#expect({
        buffers: false,
        resolve: (value) => resolve(value as ReplyValue<string>[]),
        // EXECABORT says that a command was refused; which and why says that command's own error.
        reject: (error) => reject(firstError ?? error),
      })
      this.#send(end)
    })
  }

  /** Does something on behalf of this client; fulfilled when the client may hear of it, as safe as its policy says. */
  async run(work: (client: Client) => void): Promise<void> {
    if (this.#client.closed) this.#client = this.#connect()
    work(this.#client)
    // Whose reply is kept back until then.
    if (this.#engine.propagation.on) await this.call('PING', [], false)
  }

  close(when: 'flushed' | 'now' = 'now'): void {
    if (when === 'now') this.#engine.disconnect(this.#client)
    const pending = this.#pending.slice(this.#first)
    this.#pending = []
    this.#first = 0
    this.#keepAlive?.unref()
    for (const { reject } of pending) reject(new Error('the connection to the broker was closed'))
  }

  write(bytes: Buffer): boolean {
    this.#reader.feed(bytes)
    return true
  }

  reply(value: ReplyValue<string | Buffer>): void {
    const call = this.#pending[this.#first++]!
    if (this.#first === this.#pending.length) {
      this.#pending.length = 0
      this.#first = 0
      this.#keepAlive?.unref()
    } else if (this.#first === 1024) {
      this.#pending.splice(0, this.#first)
      this.#first = 0
    }
    if (value instanceof CommandError) call.reject(value)
    else call.resolve(value)
  }

  push(): void {}

  #decode(bytes: Buffer): string | Buffer {
    return this.#pending[this.#first]?.buffers === true ? Buffer.from(bytes) : bytes.toString('utf8')
  }

  #expect(call: PendingCall): void {
    // CLIENT KILL, or an output limit, ended the connection that was.
    if (this.#client.closed) this.#client = this.#connect()
    if (this.#pending.length === 0) {
      this.#keepAlive ??= setInterval(() => {}, KEEP_ALIVE_MS)
      this.#keepAlive.ref()
    }
    this.#pending.push(call)
  }

  #send(end: number): void {
    this.#engine.receive(this.#client, scratch, 0, end)
  }

  #connect(): Client {
    // Whoever is inside the process needs no password: it has the memory.
    const client = this.#engine.connect(this, 'internal')
    client.protocol = 3
    return client
  }
}

/** Encodes a request into the scratch from `at` on; returns where it ends. */
function encode(at: number, command: string, words: readonly Word[]): number {
  let end = writeText(at, `*${words.length + 1}\r\n`)
  end = writeWord(end, command)
  for (let i = 0; i < words.length; i++) end = writeWord(end, words[i]!)
  return end
}

function writeWord(at: number, word: Word): number {
  if (typeof word === 'object') {
    if (!(word instanceof Uint8Array)) throw new TypeError('a word of a command is a string, a number or bytes')
    const start = writeText(at, `$${word.length}\r\n`)
    reserve(start, word.length)
    scratch.u8.set(word, start)
    return writeText(start + word.length, '\r\n')
  }
  if (typeof word !== 'string' && typeof word !== 'number' && typeof word !== 'bigint') {
    throw new TypeError('a word of a command is a string, a number or bytes')
  }
  const text = String(word)
  const length = Buffer.byteLength(text)
  const start = writeText(at, `$${length}\r\n`)
  reserve(start, length)
  scratch.u8.write(text, start, 'utf8')
  return writeText(start + length, '\r\n')
}

function writeText(at: number, latin1: string): number {
  reserve(at, latin1.length)
  return at + scratch.u8.write(latin1, at, 'latin1')
}

function reserve(at: number, bytes: number): void {
  if (at + bytes <= scratch.u8.length) return
  const grown = Source.allocate(Math.max(at + bytes, 2 * scratch.u8.length))
  scratch.u8.copy(grown.u8, 0, 0, at)
  scratch = grown
}
