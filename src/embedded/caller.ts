// Commands as function calls: a client whose requests are encoded from words and whose replies become values.
//
// Requests are encoded as bytes, because they pass through the parser and into the journal like anybody's. Replies are read
// from the engine's buffers in place when the turn ends; promises are settled in the order of the calls.

import type { Client, Transport } from '../engine/clients/client.ts'
import type { Engine } from '../engine/engine.ts'
import { CommandError, type ReplyValue, ReplyValueReader, type ReplyValueReceiver } from '../protocol/reply-value.ts'
import { Source } from '../util/bytes/bytes.ts'
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

const [STAR, DOLLAR, ZERO, CR, LF] = [42, 36, 48, 13, 10]
/** A type byte, a length of at most 15 digits, the end of the line. */
const HEADER_BYTES_MAX = 1 + 15 + 2
/** Texts up to here are written byte by byte, see `writePlain`. */
const PLAIN_TEXT_LENGTH_MAX = 64

const SCRATCH_BYTES = 16 * 1024

/** All callers of a process share it. */
const requests = {
  /** Requests are encoded here; the engine is done with it when `receive` returns. */
  scratch: Source.allocate(SCRATCH_BYTES),
}
/** For calls that are made before `receive` has returned, by a logger. */
const spares: Source[] = []

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
      const end = encode(0, command, words)
      this.#expect({ buffers, resolve, reject })
      this.#send(end)
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
      let end = 0
      for (const [command, ...words] of commands) end = encode(end, command, words)
      const pending = { buffers: false, resolve: take, reject: fail }
      for (let i = 0; i < commands.length; i++) this.#expect(pending)
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
    this.#onClose?.()
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

  #send(end: number): void {
    const request = requests.scratch
    requests.scratch = spares.pop() ?? Source.allocate(SCRATCH_BYTES)
    this.#engine.receive(this.#client, request, 0, end)
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

/** Encodes a request into the scratch from `at` on; returns where it ends. */
function encode(at: number, command: string, words: readonly Word[]): number {
  reserve(at, HEADER_BYTES_MAX)
  let end = writeWord(writeHeader(at, STAR, words.length + 1), command)
  for (let i = 0; i < words.length; i++) end = writeWord(end, words[i]!)
  return end
}

function writeWord(at: number, word: Word): number {
  if (typeof word === 'string') return word.length <= PLAIN_TEXT_LENGTH_MAX ? writePlain(at, word) : writeText(at, word)
  if (typeof word === 'number' || typeof word === 'bigint') return writePlain(at, String(word))
  if (!(word instanceof Uint8Array)) throw new TypeError('a word of a command is a string, a number or bytes')
  reserve(at, HEADER_BYTES_MAX + word.length + 2)
  const start = writeHeader(at, DOLLAR, word.length)
  requests.scratch.u8.set(word, start)
  return writeLineEnd(start + word.length)
}

/** Writes a short text byte by byte, which costs less than calling the encoder; one that is not ASCII is left to that. */
function writePlain(at: number, text: string): number {
  const { length } = text
  reserve(at, HEADER_BYTES_MAX + length + 2)
  const start = writeHeader(at, DOLLAR, length)
  const { u8 } = requests.scratch
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 127) return writeText(at, text)
    u8[start + i] = code
  }
  return writeLineEnd(start + length)
}

function writeText(at: number, text: string): number {
  const length = Buffer.byteLength(text)
  reserve(at, HEADER_BYTES_MAX + length + 2)
  const start = writeHeader(at, DOLLAR, length)
  requests.scratch.u8.write(text, start, 'utf8')
  return writeLineEnd(start + length)
}

/** Writes a type byte, a length and the end of the line. There is room for it. */
function writeHeader(at: number, type: number, length: number): number {
  const { u8 } = requests.scratch
  u8[at] = type
  let digits = 1
  for (let rest = length; rest >= 10; rest = Math.floor(rest / 10)) digits++
  let rest = length
  for (let i = digits; i > 0; i--) {
    u8[at + i] = ZERO + (rest % 10)
    rest = Math.floor(rest / 10)
  }
  return writeLineEnd(at + 1 + digits)
}

function writeLineEnd(at: number): number {
  requests.scratch.u8[at] = CR
  requests.scratch.u8[at + 1] = LF
  return at + 2
}

function reserve(at: number, bytes: number): void {
  if (at + bytes <= requests.scratch.u8.length) return
  const grown = Source.allocate(Math.max(at + bytes, 2 * requests.scratch.u8.length))
  requests.scratch.u8.copy(grown.u8, 0, 0, at)
  requests.scratch = grown
}
